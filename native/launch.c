/* launch.c: `tsrun`, a static program that becomes `node -- …/bin/tsrun.cjs`. env -S in a script's first line does the same in 0.75 ms,
 * most of which is libc's; this takes 0.05. Like env, it looks for node in PATH. */
#include "sys.h"

#define PATH_SIZE 4096
#define ABOVE 3 /* this program is native/build/tsrun */
#define SCRIPT "/bin/tsrun.cjs"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call launch\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl launch\n");
#endif

static void say(const char *text) { sys(write, 2, text, text_length(text)); }

static void say_errno(const char *text, s64 error) {
  char line[24];
  u64 length = put_decimal(line, error);
  line[length++] = '\n';
  say(text);
  sys(write, 2, line, length);
}

/* Our own script, whichever link we were called by. */
static int find_script(char *script) {
  s64 length = sys(readlinkat, -100 /* AT_FDCWD */, "/proc/self/exe", script, PATH_SIZE);
  if (length <= 0 || length > (s64)(PATH_SIZE - sizeof SCRIPT)) return 0;
  for (int names = ABOVE; length && names; length--) names -= script[length - 1] == '/';
  memcpy(script + length, SCRIPT, sizeof SCRIPT);
  return 1;
}

static const char *path_of(char **envp) {
  static const char name[] = "PATH=";
  for (; *envp; envp++) {
    u64 i = 0;
    while (name[i] && (*envp)[i] == name[i]) i++;
    if (!name[i]) return *envp + i;
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

/* Tries one place after the other, as execvp(3) does; an empty one is the working directory. Returns the errno that it gave up for. */
static s64 become_node(const char *path, char **argv, char **envp) {
  static const char node[] = "/node";
  char file[PATH_SIZE];
  for (;; path++) {
    u64 length = 0;
    while (path[length] && path[length] != ':') length++;
    if (length < PATH_SIZE - sizeof node) {
      memcpy(file, path, length);
      memcpy(file + length, length ? node : node + 1, length ? sizeof node : sizeof node - 1);
      s64 result = sys(execve, file, argv, envp);
      if (result != -ENOENT_ && result != -ENOTDIR_ && result != -EACCES_) return -result;
    }
    path += length;
    if (!*path) return ENOENT_;
  }
}

__attribute__((used, noreturn)) void launch(s64 *stack) {
  s64 argc = stack[0];
  char **given = (char **)(stack + 1), **envp = given + argc + 1;
  char script[PATH_SIZE];
  char *argv[argc + 4];
  /* Without the -- Node takes an --env-file among our own words for its own, and with it NODE_OPTIONS: code of whoever wrote that file. */
  argv[0] = "node", argv[1] = "--", argv[2] = script;
  for (s64 i = 1; i < argc; i++) argv[i + 2] = given[i];
  argv[argc < 1 ? 3 : argc + 2] = 0;
  if (!find_script(script)) say("tsrun: find our own script: readlink(\"/proc/self/exe\") failed\nhint: tsrun needs /proc\n");
  else {
    s64 error = become_node(path_of(envp), argv, envp);
    if (error == ENOENT_) say("tsrun: node: no such program could be executed\nhint: tsrun needs Node 20 or newer in PATH\n");
    else say_errno("tsrun: node: execve failed with errno ", error);
  }
  for (;;) sys(exit_group, 125);
}
