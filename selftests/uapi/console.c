// SPDX-License-Identifier: GPL-2.0
/*
 * The console: what the guest prints is what read(2) of the VM fd gives. Guards
 * every byte and their order over more than the console holds, with slow,
 * late and failing readers, and the end of the file.
 */
#include "kselftest_harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#include "kevtest.h"

#define TOTAL	200000U

/* What the guest's code below makes of the number of a byte: all values occur */
static uint8_t pattern(uint32_t i)
{
	return i ^ i >> 8 ^ i >> 16;
}

/*
 * Fill TOTAL bytes of RAM with the pattern, then print them in pieces of
 * @piece bytes. The exit code is the RAX of the last Print, 1 after success.
 */
#define PRINTS(name, piece)						\
	KT_CODE(name,							\
		"mov $0x110000, %ebp\n"					\
		"xor %ecx, %ecx\n"					\
		"1: mov %ecx, %eax\n"					\
		"mov %ecx, %edx\n"					\
		"shr $8, %edx\n xor %edx, %eax\n"			\
		"shr $8, %edx\n xor %edx, %eax\n"			\
		"mov %al, (%rbp,%rcx)\n"				\
		"inc %ecx\n cmp $200000, %ecx\n jb 1b\n"		\
		"xor %ebx, %ebx\n"					\
		"2: mov $1, %eax\n"					\
		"lea (%rbp,%rbx), %rdi\n"				\
		"mov $200000, %esi\n sub %ebx, %esi\n"			\
		"mov $" #piece ", %ecx\n"				\
		"cmp %ecx, %esi\n cmova %ecx, %esi\n"			\
		"add %esi, %ebx\n"					\
		"vmcall\n"						\
		"cmp $200000, %ebx\n jb 2b\n"				\
		"mov %rax, %rdi\n"					\
		KT_HALT)

PRINTS(prints_at_once, 200000);
PRINTS(prints_pages, 4096);
PRINTS(prints_pieces, 777);

FIXTURE(flood) {
	struct kt_guest guest;
	uint32_t console_size;
	uint8_t buffer[TOTAL];
};

FIXTURE_VARIANT(flood) {
	const struct kt_code *code;
};

FIXTURE_VARIANT_ADD(flood, at_once) { .code = &prints_at_once };
FIXTURE_VARIANT_ADD(flood, pages) { .code = &prints_pages };
FIXTURE_VARIANT_ADD(flood, pieces) { .code = &prints_pieces };

FIXTURE_SETUP(flood)
{
	struct kev_query query = { .size = sizeof(query) };

	ASSERT_EQ(0, kt_guest_init(&self->guest, variant->code, 0, NULL));
	ASSERT_EQ(0, kt_ioctl(self->guest.kev, KEV_QUERY, &query));
	self->console_size = query.console_size;
	ASSERT_GT(TOTAL / 2, self->console_size);
}

FIXTURE_TEARDOWN(flood)
{
	kt_guest_fini(&self->guest);
}

/* The next @length bytes, all of which are there; false if they are others */
static bool read_exactly(int vm, uint8_t *buffer, uint32_t *at, size_t length)
{
	ssize_t n;

	while (length) {
		n = read(vm, buffer, length);
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++, ++*at)
			if (buffer[i] != pattern(*at))
				return false;
		length -= n;
	}
	return true;
}

/* The reader takes all there is, as soon as RUN asks for it. */
TEST_F(flood, reader_empties)
{
	const struct kev_vcpu_inject exception = {
		.size = sizeof(exception), .type = KEV_INJECT_EXCEPTION, .vector = 6,
	};
	uint32_t at = 0;

	while (TOTAL - at > self->console_size) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		ASSERT_EQ(KEV_EXIT_CONSOLE, self->guest.run->kind);
		/* There is more to be done of the call, which may end in an exception. */
		EXPECT_EQ(-EBUSY, kt_ioctl(self->guest.vcpu, KEV_VCPU_INJECT, &exception));
		EXPECT_TRUE(kt_poll(self->guest.vm) & POLLIN);
		ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, self->console_size)) {
			TH_LOG("byte %u", at);
		}
		EXPECT_EQ(0, kt_poll(self->guest.vm));
	}
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(1, self->guest.run->exit_code);
	ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, TOTAL - at));
	EXPECT_EQ(0, read(self->guest.vm, self->buffer, 1));
}

/* The reader takes little: the console is full again at once. */
TEST_F(flood, slow_reader)
{
	uint32_t at = 0, reports = 0;

	for (;;) {
		ASSERT_EQ(0, kt_run(self->guest.vcpu));
		if (self->guest.run->kind != KEV_EXIT_CONSOLE)
			break;
		/* Without a reader nothing moves. */
		if (!(reports++ % 16)) {
			ASSERT_EQ(0, kt_run(self->guest.vcpu));
			ASSERT_EQ(KEV_EXIT_CONSOLE, self->guest.run->kind);
		}
		ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, 1501)) {
			TH_LOG("byte %u", at);
		}
	}
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(1, self->guest.run->exit_code);
	EXPECT_GE(self->console_size, TOTAL - at);
	ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, TOTAL - at));
	EXPECT_EQ(0, read(self->guest.vm, self->buffer, 1));
}

/* A kick in the middle of a Print: it goes on where it was. */
TEST_F(flood, kicks)
{
	uint32_t at = 0;

	for (int i = 0;; i++) {
		long ret;

		if (i % 2) {
			ASSERT_EQ(0, kt_ioctl(self->guest.vcpu, KEV_VCPU_KICK, NULL));
		}
		ret = kt_run(self->guest.vcpu);
		ASSERT_EQ(i % 2 ? -EINTR : 0, ret);
		if (ret)
			continue;
		if (self->guest.run->kind != KEV_EXIT_CONSOLE)
			break;
		ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, 10007)) {
			TH_LOG("byte %u", at);
		}
	}
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
	EXPECT_EQ(1, self->guest.run->exit_code);
	ASSERT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, TOTAL - at));
}

static void *run_to_the_end(void *arg)
{
	struct kt_guest *guest = arg;
	long ret;

	do {
		ret = kt_run(guest->vcpu);
		sched_yield();
	} while (!ret && guest->run->kind == KEV_EXIT_CONSOLE);
	return (void *)ret;
}

/* Both at the same time, the reader blocking */
TEST_F(flood, reader_thread)
{
	pthread_t thread;
	uint32_t at = 0;
	void *ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, run_to_the_end, &self->guest));
	EXPECT_TRUE(read_exactly(self->guest.vm, self->buffer, &at, TOTAL)) {
		TH_LOG("byte %u", at);
	}
	EXPECT_EQ(0, read(self->guest.vm, self->buffer, sizeof(self->buffer)));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(KEV_EXIT_VM_EXITED, self->guest.run->kind);
}

/* Prints "hello\n", puts out a byte, prints "bye\n" and ends */
KT_CODE(prints_twice,
	"mov $1, %eax\n lea 1f(%rip), %rdi\n mov $6, %esi\n vmcall\n"
	"out %al, $0x80\n"
	"mov $1, %eax\n lea 2f(%rip), %rdi\n mov $4, %esi\n vmcall\n"
	"xor %edi, %edi\n" KT_HALT
	"1: .ascii \"hello\\n\"\n"
	"2: .ascii \"bye\\n\"\n");

FIXTURE(console) {
	struct kt_guest guest;
	char buffer[64];
};

FIXTURE_SETUP(console)
{
	ASSERT_EQ(0, kt_guest_init(&self->guest, &prints_twice, 0, NULL));
}

FIXTURE_TEARDOWN(console)
{
	kt_guest_fini(&self->guest);
}

static void set_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int read_errno(int fd, void *to, size_t length)
{
	ssize_t n = read(fd, to, length);

	return n < 0 ? -errno : n;
}

TEST_F(console, nonblocking)
{
	set_nonblock(self->guest.vm);
	EXPECT_EQ(-EAGAIN, read_errno(self->guest.vm, self->buffer, 64));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(6, read_errno(self->guest.vm, self->buffer, 64));
	EXPECT_EQ(0, memcmp("hello\n", self->buffer, 6));
	EXPECT_EQ(-EAGAIN, read_errno(self->guest.vm, self->buffer, 64));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(4, read_errno(self->guest.vm, self->buffer, 64));
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, read_errno(self->guest.vm, self->buffer, 64));
	}
}

TEST_F(console, polling)
{
	EXPECT_EQ(0, kt_poll(self->guest.vm));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(POLLIN | POLLRDNORM, kt_poll(self->guest.vm));
	EXPECT_EQ(5, read_errno(self->guest.vm, self->buffer, 5));
	EXPECT_EQ(POLLIN | POLLRDNORM, kt_poll(self->guest.vm));
	EXPECT_EQ(1, read_errno(self->guest.vm, self->buffer, 5));
	EXPECT_EQ(0, kt_poll(self->guest.vm));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, kt_poll(self->guest.vm));
	EXPECT_EQ(4, read_errno(self->guest.vm, self->buffer, 5));
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, kt_poll(self->guest.vm));
}

/* What was printed stays to be read when the VM has ended, by small pieces too. */
TEST_F(console, after_the_end)
{
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(KEV_VM_EXITED, kt_status(self->guest.vm).state);
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(1, read_errno(self->guest.vm, self->buffer + i, 1));
	}
	EXPECT_EQ(0, memcmp("hello\nbye\n", self->buffer, 10));
	EXPECT_EQ(0, read_errno(self->guest.vm, self->buffer, 1));
}

TEST_F(console, zero_length)
{
	/* Not even a blocking one waits for bytes that it does not take. */
	EXPECT_EQ(0, read_errno(self->guest.vm, self->buffer, 0));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(0, read_errno(self->guest.vm, self->buffer, 0));
	EXPECT_EQ(6, read_errno(self->guest.vm, self->buffer, 64));
}

TEST_F(console, bad_buffer)
{
	char *pages = mmap(NULL, 2 * KT_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* The compiler is not to know what these are. */
	void *volatile null = NULL, *volatile kernel = (void *)0xffff888000000000;

	ASSERT_NE(MAP_FAILED, (void *)pages);
	ASSERT_EQ(0, mprotect(pages + KT_PAGE, KT_PAGE, PROT_NONE));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	EXPECT_EQ(-EFAULT, read_errno(self->guest.vm, null, 64));
	EXPECT_EQ(-EFAULT, read_errno(self->guest.vm, kernel, 6));
	EXPECT_EQ(-EFAULT, read_errno(self->guest.vm, pages + KT_PAGE - 3, 6));
	/* Nothing is lost. */
	EXPECT_EQ(6, read_errno(self->guest.vm, self->buffer, 64));
	EXPECT_EQ(0, memcmp("hello\n", self->buffer, 6));
}

TEST_F(console, other_calls)
{
	EXPECT_EQ(-1, write(self->guest.vm, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->guest.vcpu, self->buffer, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->guest.kev, self->buffer, 1));
	EXPECT_EQ(EINVAL, errno);
}

struct reader {
	int vm;
	ssize_t result;
	char buffer[64];
	volatile bool started;
};

static void *reader_main(void *arg)
{
	struct reader *reader = arg;

	reader->started = true;
	reader->result = read_errno(reader->vm, reader->buffer, sizeof(reader->buffer));
	return NULL;
}

/* A thread that waits in read(2), as far as one can know */
static int reader_start(struct reader *reader, pthread_t *thread, int vm)
{
	int ret;

	*reader = (struct reader) { .vm = vm };
	ret = pthread_create(thread, NULL, reader_main, reader);
	while (!ret && !reader->started)
		sched_yield();
	for (int i = 0; i < 20; i++)
		sched_yield();
	return ret;
}

TEST_F(console, print_wakes_reader)
{
	struct reader reader;
	pthread_t thread;

	ASSERT_EQ(0, reader_start(&reader, &thread, self->guest.vm));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(6, reader.result);
	EXPECT_EQ(0, memcmp("hello\n", reader.buffer, 6));
}

TEST_F(console, end_wakes_reader)
{
	struct reader reader;
	pthread_t thread;

	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(6, read(self->guest.vm, self->buffer, 64));
	/* kt_halt prints nothing: the end is all that comes. */
	kt_guest_fini(&self->guest);
	ASSERT_EQ(0, kt_guest_init(&self->guest, &kt_halt, 0, NULL));
	ASSERT_EQ(0, reader_start(&reader, &thread, self->guest.vm));
	ASSERT_EQ(0, kt_run(self->guest.vcpu));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, reader.result);
}

TEST_F(console, signal_wakes_reader)
{
	struct reader reader;
	pthread_t thread;

	ASSERT_EQ(0, kt_ignore_signal(SIGUSR1));
	ASSERT_EQ(0, reader_start(&reader, &thread, self->guest.vm));
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, reader.result);
}

/* A line of its own, with a byte that is not to be seen as such */
KT_CODE(prints_line,
	"mov $1, %eax\n lea 1f(%rip), %rdi\n mov $15, %esi\n vmcall\n"
	"xor %edi, %edi\n" KT_HALT
	"1: .ascii \"kevtest \\033[31m\\n!\"\n");

TEST_F(console, mirrored_to_the_log)
{
	const uint32_t flags[] = { 0, KEV_VM_CONSOLE_LOG };
	int log = kt_log_open();
	struct kt_guest guest;

	ASSERT_LE(0, log);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, kt_guest_init(&guest, &prints_line, flags[i], NULL));
		ASSERT_EQ(0, kt_run(guest.vcpu));
		/* Escaped once by kev and, where it is shown, once by /dev/kmsg */
		EXPECT_EQ(i, kt_log_count(log, "kev: guest: kevtest \\x5ce[31m"));
		EXPECT_EQ(15, read(guest.vm, self->buffer, 64));
		EXPECT_EQ(0, memcmp("kevtest \033[31m\n!", self->buffer, 15));
		kt_guest_fini(&guest);
	}
	close(log);
}

TEST_HARNESS_MAIN
