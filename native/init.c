/* init.c: PID 1 of a container started with --init: reaps orphans and forwards signals to the one command.
 *
 * argv: PROGRAM init candidates… -- argv…: the first candidate that executes; with none, argv[0] itself, never searched for. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <linux/wait.h>
#include "monitor.h"
#include "sys.h"

#define NOT_FOUND 127 /* as shells say it */
#define NOT_EXECUTABLE 126

static int is_separator(const char *word) { return word[0] == '-' && word[1] == '-' && !word[2]; }

static void set_signal_mask(const u64 *mask, u64 *before) { sys(rt_sigprocmask, SIG_SETMASK, mask, before, sizeof *mask); }

static void tell_failure(const char *command, s64 error) {
  static const char before[] = "tsrun: init: cannot execute ", between[] = ": errno ";
  char number[24];
  u64 length = put_decimal(number, -error);
  number[length++] = '\n';
  sys(write, 2, before, sizeof before - 1);
  sys(write, 2, command, text_length(command));
  sys(write, 2, between, sizeof between - 1);
  sys(write, 2, number, length);
}

/* The search goes on after a name that is not there, as OP_EXEC does, and remembers EACCES. */
static s64 execute(char **candidates, char **end, char **argv, char **envp) {
  s64 result = -ENOENT_, denied = 0;
  for (; candidates < end; candidates++) {
    result = sys(execve, *candidates, argv, envp);
    if (result == -EACCES_) denied = result;
    else if (result != -ENOENT_ && result != -ENOTDIR_) return result;
  }
  return denied ? denied : result;
}

/* A group of its own, in the foreground if there is a terminal: what the terminal sends, ^C, goes to the command and not to PID 1.
 * SIGTTOU is still blocked here, or TIOCSPGRP from the background would stop us. */
static int become_command(char **words, char **envp, const u64 *mask) {
  char **end = words;
  while (*end && !is_separator(*end)) end++;
  char **argv = *end ? end + 1 : end;
  if (!*argv) return NOT_FOUND;
  s32 self = (s32)sys(getpid);
  sys(setpgid, 0, 0);
  sys(ioctl, 0, TIOCSPGRP, &self);
  set_signal_mask(mask, 0);
  if (words == end) words = argv, end = argv + 1;
  s64 error = execute(words, end, argv, envp);
  tell_failure(argv[0], error);
  return error == -ENOENT_ || error == -ENOTDIR_ ? NOT_FOUND : NOT_EXECUTABLE;
}

static void exit_now(int code) {
  for (;;) sys(exit_group, code);
}

/* Reaps all that has ended. The exit code of the command once it is among them, else -1. */
static int reap_all(s64 command) {
  int code = -1;
  for (;;) {
    s32 status = 0;
    s64 pid = sys(wait4, -1, &status, WNOHANG, 0);
    if (pid <= 0) return code;
    if (pid == command) code = status & 127 ? 128 + (status & 127) : status >> 8 & 255;
  }
}

static int watch(s64 command, const u64 *all) {
  for (;;) {
    s64 signo = sys(rt_sigtimedwait, all, 0, 0, sizeof *all);
    if (is_error(signo)) continue; /* EINTR after a stop */
    if (signo != SIGCHLD) {
      sys(kill, command, signo);
      continue;
    }
    int code = reap_all(command);
    if (code >= 0) return code;
  }
}

/* The command alone holds the container's input and output: if it closes its stdout, the reader must see the end. */
static void let_go_of_stdio(void) {
  for (int fd = 0; fd <= 2; fd++) sys(close, fd);
}

/* With SIGCHLD ignored, the kernel would reap for us and keep the exit code. */
static void stop_ignoring_children(void) {
  struct { u64 handler, flags, restorer, mask; } deflt;
  memset(&deflt, 0, sizeof deflt);
  sys(rt_sigaction, SIGCHLD, &deflt, 0, sizeof(u64));
}

int init_main(int argc, char **argv, char **envp) {
  u64 all = ~0ul, mask = 0;
  if (argc < 3) return NOT_FOUND;
  set_signal_mask(&all, &mask);
  stop_ignoring_children();
  s64 command = sys(clone, SIGCHLD, 0, 0, 0, 0);
  if (is_error(command)) {
    tell_failure(argv[2], command);
    return NOT_EXECUTABLE;
  }
  if (!command) exit_now(become_command(argv + 2, envp, &mask));
  let_go_of_stdio();
  return watch(command, &all);
}
