// A phone whose clock is wrong. Loaded before all else (LD_PRELOAD), it has the wall clock of this process go wrong by as many
// seconds as stand in the file that WRONG_CLOCK names: eight bytes, which a test changes. Other clocks stay right.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wrong_by;
static int (*right_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    right_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *file = getenv("WRONG_CLOCK");
    int opened = file ? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (opened < 0 || ftruncate(opened, sizeof *wrong_by)) return;
    void *mapped = mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, opened, 0);
    if (mapped != MAP_FAILED) wrong_by = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!right_clock) begin();
    int failed = right_clock(clock, time);
    if (!failed && clock == CLOCK_REALTIME && wrong_by) time->tv_sec += *wrong_by;
    return failed;
}
