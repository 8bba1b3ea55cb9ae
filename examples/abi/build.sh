make -C "$KDIR" M="$PWD" KEV="$KEV" KBUILD_EXTRA_SYMBOLS="$KEV/Module.symvers" modules
gcc -O2 -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone -mgeneral-regs-only -c guest.c
ld -Ttext-segment=0x100000 -o guest guest.o
