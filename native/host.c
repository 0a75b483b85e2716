/* host.c: the door of libtsrun.so. One function: everything that Node asks of the kernel is a tape. */
#include "player.h"

#define EXPORT __attribute__((visibility("default")))

/* Returns 0 or a negative errno; the tape's header says which step failed. */
EXPORT int tsrun_play(struct tape *tape);
EXPORT int tsrun_play(struct tape *tape) { return (int)tape_play(tape); }
