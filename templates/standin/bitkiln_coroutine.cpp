// Coroutines, apart from the design: the system's headers declare names that a layer may have.
#define _XOPEN_SOURCE 600
#define _DEFAULT_SOURCE
#include "bitkiln_coroutine.h"

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>
#include <ucontext.h>

namespace bitkiln {

struct Coroutine {
    ucontext_t own;
    ucontext_t resumed_by;
};

// Address space of a stack, of which pages are used as they are needed.
static const size_t STACK = size_t(256) << 20;

Coroutine *create(void (*run)()) {
    Coroutine *const coroutine = new Coroutine;
    void *const stack =
        mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED || getcontext(&coroutine->own) != 0) {
        std::printf("bitkiln: no memory for the stack of a process\n");
        std::exit(1);
    }
    coroutine->own.uc_stack.ss_sp = stack;
    coroutine->own.uc_stack.ss_size = STACK;
    coroutine->own.uc_link = &coroutine->resumed_by;
    makecontext(&coroutine->own, run, 0);
    return coroutine;
}

void resume(Coroutine *coroutine) { swapcontext(&coroutine->resumed_by, &coroutine->own); }

void suspend(Coroutine *coroutine) { swapcontext(&coroutine->own, &coroutine->resumed_by); }

} // namespace bitkiln
