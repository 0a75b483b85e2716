/* protocol.h: the monitor: its roles, the descriptors they are started with, and what is said between it and its clients.
 *
 * ROLES. `tsrun-monitor ROLE …`:
 *
 *   keep     the parent of a container's PID 1; owns its pty or pipes, its log, its exit record and the socket. Started by the play that
 *            cloned PID 1: execs itself in place. 3 job (memfd), 4 control socket of the client that started it, 5 pidfd of its
 *            child, 6 the run's lock (flock): held until the clean-up is done, so that no later run of the same container meets it,
 *            7 the listening socket, 8 the container's directory, 9 its stdin or the master of its pty, 10 and 11 its stdout and stderr,
 *            12 to 14 the starting client's streams, as HELLO brings them. JOB_* says which of 9 to 14 there are.
 *            With a health check it is a launcher itself, of one `enter` after another.
 *   enter    the parent of an exec'ed process: plays the job's enter tape (setns, clone, confinement, exec, the start in the exec's
 *            entry <run>/<id>/exec/<exec id>.json), then keeps; the after tape writes the end there.
 *            3 job (memfd; what failed is written back to the tape's header, for the launcher), 4 control socket
 *   relay    what the command line becomes (exec in place): a client that carries bytes between the caller and the container.
 *            0-2 the caller's, 4 control socket, then with -t: 5 the terminal; without: 5 stdin writer or none, 6 stdout reader,
 *            7 stderr reader. The terminal of a container is a socket to its monitor, that of an exec'ed process the pty's master.
 *   init     `--init`: PID 1 inside the container, from a sealed memfd: reaps orphans, forwards signals.
 *            argv: init candidates… -- argv…: the first candidate that executes is the command
 *
 * MESSAGES. A stream socket (Node's net module knows no others), 8 bytes a message: struct control. The client that starts a container
 * is connected by a socket pair and greets nobody; every other connects to <run>/<id>/monitor.sock.
 *
 *   client                                 keep
 *        | --- HELLO version|streams -----> |   first; with the far ends of its own pipes, or of a socket for a terminal (SCM_RIGHTS)
 *        | <------- WELCOME streams ------- |   from here on it gets what the container writes; or
 *        | <------- REFUSED errno --------- |   EPROTO another version, or what came is no pipe or, for a terminal, no socket; EAGAIN too
 *        |                                  |   many clients; EMFILE no descriptor left, or too few came; the monitor hangs up
 *        | --- SIGNAL signo --------------> |   any time: to PID 1 by its pidfd
 *        | --- RESIZE rows<<16|columns ---> |   any time, with a terminal
 *        | --- INPUT_ENDED ---------------> |   its stdin is at its end: a half-close, which the container sees if it listens to this
 *        |                                  |   client alone (JOB_FED). Without this word a lost client is only a lost client
 *        | --- OUTPUT_GONE 1 or 2 --------> |   nobody reads its stdout or stderr any more: the container learns of it, if nobody else does
 *        | <------- DROPPED 1 or 2 -------- |   it read too slowly, and its pipe was full; the monitor hangs up. Never the starting client:
 *        |                                  |   the container waits for that one, and no byte is lost
 *        | <------- STAYS ----------------- |   in front of EXITED: the monitor goes on and starts the container again, not for this client
 *        | <------- EXITED code ----------- |   once: exit code, 128+n for a signal; after the clean-up, last message. What the container
 *        |                                  |   wrote may still come through the pipes, until their end
 *
 *   launcher/relay                         enter
 *        | <------- STARTED pid ----------- |   its tape is played; pid in the host's pid namespace
 *        | <------- FAILED errno ---------- |   the tape's header says what failed; it exits
 *        | --- SIGNAL signo --------------> |   any time: to the kept process by its pidfd
 *        | --- LEAVING -------------------> |   with the master of its terminal (SCM_RIGHTS): the client detaches, and nobody hangs up. What the
 *        |                                  |   process writes from then on is read and thrown away
 *        | <------- EXITED code ----------- |   once, last
 *        | (hangs up) --------------------> |   JOB_ATTACHED: SIGHUP and SIGCONT to the process; once it has
 *        |                                  |   ended, to what is left of its group. Else nothing
 *
 * Whoever of the two goes away, the other goes on: the monitor without that client; the client says so and exits 125. */
#ifndef TSRUN_PROTOCOL_H
#define TSRUN_PROTOCOL_H
#include "abi.h"

#define CONTROL_STARTED 1
#define CONTROL_FAILED 2
#define CONTROL_SIGNAL 3
#define CONTROL_EXITED 4
#define CONTROL_HELLO 5
#define CONTROL_WELCOME 6
#define CONTROL_REFUSED 7
#define CONTROL_RESIZE 8
#define CONTROL_INPUT_ENDED 9
#define CONTROL_OUTPUT_GONE 10
#define CONTROL_DROPPED 11
#define CONTROL_STAYS 12
#define CONTROL_LEAVING 13
struct control {
  u32 type;
  s32 value;
};

/* The value of HELLO: the version in the lowest byte, and which descriptors come with it, in this order. */
#define PROTOCOL_VERSION 1
#define HELLO_INPUT 0x100
#define HELLO_OUTPUT 0x200
#define HELLO_ERRORS 0x400
#define HELLO_TERMINAL 0x800 /* instead of the others: a socket, both ways */

#define FD_JOB 3
#define FD_CONTROL 4
#define FD_CHILD 5
#define FD_LOCK 6
#define FD_LISTENER 7
#define FD_DIRECTORY 8
#define FD_STDIN 9
#define FD_STDOUT 10
#define FD_STDERR 11
#define FD_CLIENT_INPUT 12
#define FD_CLIENT_OUTPUT 13
#define FD_CLIENT_ERRORS 14
#define FD_REAPER 15 /* the sealed copy: PID 1 executes it, with --init and a restart policy; and the monitor of a health check */
#define FD_PROBE 16 /* with a health check: the job of who enters for it, sealed */

/* The job of keep and enter: this header at the start of the memfd, the tapes at page-aligned offsets (0: none). */
#define JOB_MAGIC 0x424a5354u /* "TSJB" */
struct job {
  u32 magic, version;
  u32 enter_tape, enter_size;
  u32 after_tape, after_size; /* played once the kept process has ended: exit record, clean-up */
  u32 enter_pid_slot, enter_pidfd_slot; /* where the enter tape leaves the pid and pidfd of its child */
  u32 flags; /* JOB_* */
  u32 log_max_files; /* 0: no log */
  u64 log_max_size;  /* bytes of one file */
  u32 restart, retries; /* RESTART_*, and how often at most; 0: no end of it */
  u32 again_tape, again_size; /* starts the container once more: clone of PID 1, records */
  u32 leave_tape, leave_size; /* with a restart policy: played when it is not started again; `after` is played whenever it has ended */
  u32 again_stdin_slot, again_stdout_slot, again_stderr_slot, again_launcher_slot; /* where the again tape finds PID 1's streams */
  u32 again_pid_slot, again_pidfd_slot; /* and leaves PID 1 */
  u32 probe_tape, probe_size; /* with a health check: clones a monitor that enters the container with the job FD_PROBE */
  u32 probe_control_slot, probe_stdout_slot, probe_stderr_slot; /* where it finds that one's ends */
  u32 probe_pid_slot; /* and leaves it */
  u32 thawed_tape, thawed_size; /* fails while the container stands still */
  u32 healthy_tape, healthy_size, unhealthy_tape, unhealthy_size; /* tell who asks */
  u32 health_retries, reserved; /* so many failures in a row are unhealthy */
  u64 health_interval, health_timeout, health_start_period, health_start_interval; /* ns */
};
#define RESTART_NO 0
#define RESTART_ON_FAILURE 1
#define RESTART_ALWAYS 2 /* and unless-stopped: what a user has stopped is started by nobody but a user, or a boot */
#define JOB_TERMINAL 1 /* the container has a pty: FD_STDIN is its master, FD_CLIENT_INPUT a socket */
#define JOB_INPUT 2    /* FD_STDIN is there */
#define JOB_ATTACHED 4 /* the client that started it carries its streams: FD_CLIENT_*; enter: the process is told when that one is gone */
#define JOB_FED 8      /* and feeds its stdin: the end of one is the end of the other */

#endif
