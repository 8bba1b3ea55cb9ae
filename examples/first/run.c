// SPDX-License-Identifier: 0BSD
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <libkev.h>

int main(int argc, char **argv)
{
	struct kev_attach_image image = { .size = sizeof(image), .boot = KEV_BOOT_AUTO };
	struct kev_vm_status status = { .size = sizeof(status) };
	int kev = kev_open(NULL), vm = kev_create_vm(kev, 0, "kev");
	char text[4096];

	if (argc != 2)
		errx(2, "usage: run GUEST");
	if (vm < 0)
		errx(125, "no VM: %s", strerror(kev < 0 ? -kev : -vm));
	image.fd = open(argv[1], O_RDONLY);
	if (image.fd < 0)
		err(127, "%s", argv[1]);
	image.ram_kib = 4096;
	if (kev_vm_attach_image(vm, &image) < 0)
		errx(125, "no guest: %s", kev_image_problem_text(image.problem));
	if (kev_vcpu_run(kev_vm_create_vcpu(vm, 0)) < 0 || kev_vm_status(vm, &status) < 0)
		errx(125, "the guest did not run");
	if (status.state != KEV_VM_EXITED)
		errx(125, "the guest has not ended by itself");
	for (ssize_t n; (n = kev_vm_read(vm, text, sizeof(text))) > 0; )
		fwrite(text, 1, n, stdout);
	return status.exit_code;
}
