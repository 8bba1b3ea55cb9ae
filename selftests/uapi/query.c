// SPDX-License-Identifier: GPL-2.0
/*
 * KEV_QUERY. Guards that a program can learn what this kernel's kev can do,
 * and that the limits are those that the other calls keep.
 */
#include "kselftest_harness.h"

#include "kevtest.h"

FIXTURE(query) {
	int kev;
	struct kev_query query;
};

FIXTURE_SETUP(query)
{
	self->kev = kt_open();
	ASSERT_LE(0, self->kev);
	/* What the call does not write stays visible. */
	memset(&self->query, 0xa5, sizeof(self->query));
	self->query.size = sizeof(self->query);
	self->query.flags = 0;
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &self->query));
}

FIXTURE_TEARDOWN(query)
{
	close(self->kev);
}

TEST_F(query, numbers)
{
	EXPECT_EQ(sizeof(self->query), self->query.size);
	EXPECT_EQ(0, self->query.flags);
	EXPECT_EQ(KEV_API_VERSION, self->query.api_version);
	EXPECT_EQ(64, self->query.max_vcpus);
	EXPECT_EQ(254, self->query.max_vcpu_id);
	EXPECT_EQ(KT_PAGE, self->query.run_page_size);
	EXPECT_LE(sizeof(struct kev_run), self->query.run_page_size);
	EXPECT_LE(4096, self->query.console_size);
	EXPECT_LE(257, self->query.max_regions);	/* an image of 128 segments */
	EXPECT_EQ(0, self->query.reserved);
}

/* The second number of "address sizes : 40 bits physical, 48 bits virtual" */
static long host_phys_bits(void)
{
	char line[256], *at;
	FILE *file = fopen("/proc/cpuinfo", "r");
	long bits = 0;

	while (file && !bits && fgets(line, sizeof(line), file)) {
		at = strstr(line, "address sizes\t: ");
		if (at)
			bits = atol(at + strlen("address sizes\t: "));
	}
	if (file)
		fclose(file);
	return bits;
}

TEST_F(query, phys_bits)
{
	EXPECT_LE(36, self->query.phys_bits);
	EXPECT_GE(host_phys_bits(), self->query.phys_bits);
}

static bool is_name(const char *name)
{
	size_t length = strnlen(name, KEV_NAME_LEN);

	if (!length || length == KEV_NAME_LEN)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	/* Nothing of the caller's memory is left behind the name. */
	for (size_t i = length; i < KEV_NAME_LEN; i++)
		if (name[i])
			return false;
	return true;
}

TEST_F(query, names)
{
	EXPECT_TRUE(is_name(self->query.backend));
	EXPECT_TRUE(is_name(self->query.module_version));
	EXPECT_STREQ("vmx", self->query.backend);
}

TEST_F(query, features)
{
	uint64_t known = KEV_FEATURE_UNRESTRICTED_GUEST | KEV_FEATURE_EPT_ACCESSED_DIRTY |
			 KEV_FEATURE_EPT_2M | KEV_FEATURE_EPT_1G | KEV_FEATURE_EPT_EXECUTE_ONLY |
			 KEV_FEATURE_VPID | KEV_FEATURE_XSAVE | KEV_FEATURE_PREEMPTION_TIMER |
			 KEV_FEATURE_TSC_SCALING | KEV_FEATURE_VIRTUAL_INTERRUPTS;

	EXPECT_EQ(0, self->query.features & ~known);
}

TEST_F(query, flags)
{
	for (int bit = 0; bit < 32; bit++) {
		self->query.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, kt_ioctl(self->kev, KEV_QUERY, &self->query)) {
			TH_LOG("bit %d", bit);
		}
	}
}

/* Out-fields are not looked at, whatever they hold. */
TEST_F(query, dirty_out_fields)
{
	struct kev_query second;

	memset(&second, 0xff, sizeof(second));
	second.size = sizeof(second);
	second.flags = 0;
	ASSERT_EQ(0, kt_ioctl(self->kev, KEV_QUERY, &second));
	EXPECT_EQ(0, memcmp(&self->query, &second, sizeof(second)));
}

TEST_HARNESS_MAIN
