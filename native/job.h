/* job.h: what the roles keep and enter share: their job, the process that they keep, and what is done in the end. */
#ifndef TSRUN_JOB_H
#define TSRUN_JOB_H
#include "player.h"

/* What every parent of a process in a container does first. 0, or there is no job to do. */
s64 begin_job(struct job *job);
/* Private: what is played is what the launcher wrote, whatever becomes of the file. 0: there is none. */
struct tape *map_tape(u32 offset, u32 size);
/* Wait status of the child, as wait(2) packs it. By pidfd: no pid is ever stored, so none can be recycled. Who cannot learn it does not
 * make one up, which would pass for the command's own: it ends as one that was killed does, and clients, `ps` and `inspect` say so. */
s64 reap_child(void);
/* One that is played when the child has ended so. 0, also when there is none, or an errno. */
s64 play_tape(u32 offset, u32 size, s64 status);
/* Nothing of the caller's stays open here. */
void let_go_of_stdio(void);
void tell(s64 socket, u32 type, s64 value);
void signal_child(s64 signo);

#endif
