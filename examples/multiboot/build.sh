gcc -m32 -c boot.S
gcc -m32 -O2 -Wall -ffreestanding -fno-pic -fno-stack-protector -mgeneral-regs-only -c kernel.c
ld -m elf_i386 -T kernel.lds -o kernel boot.o kernel.o
