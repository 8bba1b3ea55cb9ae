gcc -O2 -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone -mgeneral-regs-only -c guest.c
ld -Ttext-segment=0x100000 -o guest guest.o
gcc -O2 -Wall -pthread -o embed embed.c -lkev
