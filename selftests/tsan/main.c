// SPDX-License-Identifier: GPL-2.0
/*
 * The core's locking, under ThreadSanitizer. Guards that what several threads of the host touch is
 * locked, single or ordered as the code says, and that nothing is lost on the way.
 *
 * Each case is a process: the sanitizer ends one at its first report.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "console", test_console },
	{ "owners", test_owners },
	{ "regions", test_regions },
	{ "pages", test_pages },
	{ "faults", test_faults },
	{ "doorbells", test_doorbells },
	{ "interrupts", test_interrupts },
	{ "kicks", test_kicks },
	{ "halts", test_halts },
	{ "stuck", test_stuck },
};

static pthread_barrier_t start;
static void (*work)(int number);
static struct task_struct tasks[MAX_THREADS];

static void *begin(void *argument)
{
	int number = (long)argument;

	shim_task(&tasks[number], number);
	pthread_barrier_wait(&start);
	work(number);
	return NULL;
}

void together(int nr, void (*what)(int number))
{
	pthread_t threads[MAX_THREADS];

	work = what;
	pthread_barrier_init(&start, NULL, nr);
	for (long i = 0; i < nr; i++)
		CHECK(!pthread_create(&threads[i], NULL, begin, (void *)i));
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);
}

/* A case that hangs has lost something; so much for a slow host. */
#define SECONDS	120

static bool passes(const char *program, const char *name)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		alarm(SECONDS);
		execl(program, program, name, NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	bool all = true;

	setbuf(stdout, NULL);
	if (argc == 2) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			if (!strcmp(cases[i].name, argv[1])) {
				cases[i].run();
				return 0;
			}
		return 2;
	}
	/* The kernel's framework would fork, too, but keep threads' memory. */
	dup2(1, 2);
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool ok = passes("/proc/self/exe", cases[i].name);

		printf("%sok %zu %s\n", ok ? "" : "not ", i + 1, cases[i].name);
		all &= ok;
	}
	return !all;
}
