/* A library that is loaded before a program for a test (LD_PRELOAD), and moves its wall clock. The file that TEST_CLOCK names
 * has the seconds that are added, as a number of 64 bits; the test changes it while the program runs. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *seconds;

/* Maps the file into memory, when the program starts. */
__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) {
        seconds = mapped;
    }
    close(file);
}

/* Returns the time of the system. Only the wall clock is moved: timers and deadlines within the program use another one. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && seconds) {
        time->tv_sec += *seconds;
    }
    return result;
}
