/* host.c: the door of libtsrun.so. One function: everything that Node asks of the kernel is a tape. */
#include "player.h"

#define EXPORT __attribute__((visibility("default")))

/* v8::V8::SetFlagsFromString(const char *), when it is V8 that loaded us. */
__attribute__((weak)) void set_v8_flags(const char *flags) __asm__("_ZN2v82V818SetFlagsFromStringEPKc");

/* The optimizing compilers work in threads of their own, for what is over before they are done, and take the processor that the
 * container's first process is about to start on: 1.5 ms of a start. A flag on Node's command line would cost more than it saves, as
 * V8 then refuses the compiled code that Node carries. */
static void spare_compilers(void) {
  if (set_v8_flags) set_v8_flags("--no-maglev --no-turbofan");
}

/* Returns 0 or a negative errno; the tape's header says which step failed. */
EXPORT int tsrun_play(struct tape *tape);
EXPORT int tsrun_play(struct tape *tape) {
  u32 host = tape->host;
  tape->host = 0;
  if (host & HOST_BRIEF) spare_compilers();
  if (host & HOST_BESIDE) {
    play_beside(tape);
    return 0;
  }
  return (int)(tape->beside ? wait_beside(tape) : tape_play(tape));
}
