// Coroutines: functions with a stack of their own that can be suspended.
#ifndef BITKILN_STANDIN_COROUTINE_H
#define BITKILN_STANDIN_COROUTINE_H

namespace bitkiln {

struct Coroutine;

// A coroutine that has not begun; without memory for its stack, the program ends.
Coroutine *create(void (*run)());

// Runs a coroutine until it is suspended or returns.
void resume(Coroutine *coroutine);

// Suspends a coroutine, which is the one that runs.
void suspend(Coroutine *coroutine);

} // namespace bitkiln

#endif
