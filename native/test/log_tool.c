/* log_tool.c: the log as a program, for the tests of its readers and for the benchmark.
 *   log_tool DIR MAX-SIZE MAX-FILES < frames      a frame: stream 1 or 2, length (u32), bytes; one byte is answered on stdout for each
 *   log_tool DIR MAX-SIZE MAX-FILES lines|yes|zero MEGABYTES      how fast it is */
#include <time.h>
#include "log_rig.h"

#define MOST_FRAME (1 << 20)
static u8 frame[MOST_FRAME];

static int read_whole(void *to, u64 length) {
  for (u64 got = 0; got < length;) {
    long some = read(0, (u8 *)to + got, length - got);
    if (some <= 0) return 0;
    got += (u64)some;
  }
  return 1;
}

static void write_frames(void) {
  struct __attribute__((packed)) { u8 stream; u32 length; } head;
  while (read_whole(&head, sizeof head) && head.length <= MOST_FRAME && read_whole(frame, head.length)) {
    log_write(&log_, head.stream, frame, head.length);
    if (write(1, "", 1) != 1) return;
  }
}

static void measure(const char *what, u64 total) {
  struct timespec begin, end;
  u64 unit = !strcmp(what, "lines") ? 100 : 2, chunk = 65536;
  if (strcmp(what, "zero")) {
    memset(frame, 'y', MOST_FRAME);
    for (u64 at = unit - 1; at < MOST_FRAME; at += unit) frame[at] = '\n';
  }
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (u64 done = 0, at = 0; done < total; done += chunk, at = (at + chunk) % (MOST_FRAME - chunk) / unit * unit) log_write(&log_, 1, frame + at, chunk);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
  printf("%s %.0f\n", what, (double)total / seconds / 1e6);
}

int main(int argc, char **argv) {
  test_name = "log_tool";
  if (argc < 4) return 2;
  dir = open(argv[1], O_RDONLY | O_DIRECTORY);
  if (dir < 0) return 1;
  log_open(&log_, dir, strtoul(argv[2], 0, 10), (u32)strtoul(argv[3], 0, 10));
  if (argc > 5) measure(argv[4], strtoul(argv[5], 0, 10) * 1000000);
  else write_frames();
  log_close(&log_);
  return 0;
}
