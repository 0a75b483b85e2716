/* log.c: the files of the log: opened, continued after a crash, rotated; a full disk costs lines, never the container. */
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/mman.h>
#include "log.h"

#define CLOCK_REALTIME_ 0
#define SEEK_CUR_ 1
#define MODE 0600

static u8 buffer[LOG_BUFFER] __attribute__((aligned(4096)));

/* What is in the buffer and not yet in the file. */
struct batch {
  struct log *log;
  u64 from, to;
  u64 input; /* bytes of output that are in it */
};

static const char *file_name(char *to, u32 number) {
  struct text text = { to, 0 };
  put_text(&text, "log.jsonl");
  if (number) put_field(&text, ".", number);
  to[text.length] = 0;
  return to;
}

void log_open(struct log *log, s64 dir, u64 max_size, u32 max_files) {
  memset(log, 0, sizeof *log);
  log->dir = dir;
  log->fd = -1;
  log->max_size = max_size && max_size < LOG_ENTRY_ROOM ? LOG_ENTRY_ROOM : max_size;
  log->max_files = max_files;
}

/* A crash may have left half a line at the end. */
static void mend(struct log *log) {
  u64 look = log->size < LOG_BUFFER ? log->size : LOG_BUFFER;
  s64 got = sys(pread64, log->fd, buffer, look, log->size - look);
  s64 end = got;
  while (end > 0 && buffer[end - 1] != '\n') end--;
  if (end == got) return;
  u64 whole = log->size - look + (u64)end;
  int cut = (end > 0 || look == log->size) && !is_error(sys(ftruncate, log->fd, whole));
  if (cut) log->size = whole;
  log->torn = !cut;
}

/* Whatever lies in its place, a fifo or a device, is not waited for and not written to. */
static int open_file(struct log *log) {
  struct statx about;
  char name[32];
  s64 fd = sys(openat, log->dir, file_name(name, 0), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, MODE);
  if (is_error(fd)) return -1;
  s64 result = sys(statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &about);
  if (is_error(result) || (about.stx_mode & S_IFMT) != S_IFREG) {
    sys(close, fd);
    return -1;
  }
  log->fd = fd;
  log->size = about.stx_size;
  return 0;
}

static void close_file(struct log *log) {
  sys(close, log->fd);
  log->fd = -1;
  log->torn = 0;
}

/* The oldest goes first: a rename onto it makes ext4 write out the other one, and wait (auto_da_alloc). A file that cannot be moved
 * away is emptied: the limit comes first. */
static int rotate(struct log *log) {
  char from[32], to[32];
  close_file(log);
  u32 last = log->max_files - 1;
  sys(unlinkat, log->dir, file_name(to, last), 0);
  for (u32 number = last; number; number--)
    sys(renameat2, log->dir, file_name(from, number - 1), log->dir, file_name(to, number), 0);
  if (open_file(log)) return -1;
  if (!log->size) return 0;
  if (is_error(sys(ftruncate, log->fd, 0))) return -1;
  log->size = 0;
  return 0;
}

/* Half an entry is no entry: it is taken back. The descriptor knows where the write began, whatever was done to the file before. */
static s64 write_or_nothing(struct log *log, const u8 *bytes, u64 length) {
  u64 written = 0;
  s64 result = 0;
  while (written < length) {
    result = sys(write, log->fd, bytes + written, length - written);
    if (result == -EINTR_) continue;
    if (result <= 0) break;
    written += (u64)result;
  }
  s64 end = sys(lseek, log->fd, 0, SEEK_CUR_);
  log->size = (u64)end;
  if (written == length) {
    log->torn = 0;
    return 0;
  }
  if (!written) return -1;
  log->size -= written;
  log->torn = is_error(sys(ftruncate, log->fd, log->size));
  return -1;
}

/* 0, or -1: what was in it is lost. */
static int flush(struct batch *batch) {
  struct log *log = batch->log;
  int result = 0;
  if (batch->to > batch->from) {
    result = (int)write_or_nothing(log, buffer + batch->from, batch->to - batch->from);
    if (result) log->lost += batch->input;
  }
  batch->from = batch->to = batch->input = 0;
  return result;
}

/* An entry of that size lies behind what is in the batch. 0, or -1 when there is no place for it. */
static int add(struct batch *batch, u64 made, u64 taken) {
  struct log *log = batch->log;
  u64 before = log->size + batch->to - batch->from, begin = batch->to;
  if (log->max_size && before && before + made > log->max_size) {
    if (flush(batch) || rotate(log)) return -1;
    batch->from = begin;
  }
  batch->to = begin + made;
  batch->input += taken;
  return 0;
}

/* How long an entry may be now: it shall fit into a file of its own. */
static u64 room_of(const struct batch *batch) {
  u64 most = batch->log->max_size && batch->log->max_size < LOG_BUFFER ? batch->log->max_size : LOG_BUFFER;
  u64 left = LOG_BUFFER - batch->to;
  return left < most ? left : most;
}

/* Returns how much it took, or 0: nothing of this write, from here on, can be kept. */
static u64 add_entry(struct batch *batch, const struct log_head *head, const u8 *bytes, u64 length) {
  for (;;) {
    u64 room = room_of(batch);
    int crowded = batch->to && room == LOG_BUFFER - batch->to;
    if (room >= LOG_ENTRY_ROOM) {
      struct log_entry entry = log_encode(head, bytes, length, buffer + batch->to, room);
      if (!entry.cut || !crowded) return add(batch, entry.made, entry.taken) ? 0 : entry.taken;
    }
    if (flush(batch)) return 0;
  }
}

/* In front of any other entry: a loss is said as soon as it can be, and half a line is ended. */
static int add_loss(struct batch *batch, u64 time) {
  struct log *log = batch->log;
  struct text text = { (char *)buffer, 0 };
  struct log_head head;
  u64 lost = log->lost;
  if (log->torn) put_text(&text, "\n");
  if (lost) {
    log_head(&head, "tsrun", time);
    memcpy(text.bytes + text.length, head.bytes, head.length);
    text.length += head.length;
    put_field(&text, "lost\":", (s64)lost);
    put_text(&text, "}\n");
  }
  if (!text.length || add(batch, text.length, lost)) return text.length ? -1 : 0;
  log->lost = 0;
  return 0;
}

/* What is open, or can be opened now. */
static int is_ready(struct log *log) {
  if (log->fd >= 0) return 1;
  if (open_file(log)) return 0;
  log->used = 1;
  if (log->size) mend(log);
  return 1;
}

/* When a write ended within a character, the next one begins with the rest of it: alone, so that what follows is text again. */
static u64 owed_bytes(struct log *log, int stream, const u8 *bytes, u64 length) {
  u64 owed = log->owed[stream == 2], count = 0;
  while (count < owed && count < length && bytes[count] >> 6 == 2) count++;
  log->owed[stream == 2] = (u8)(count == length ? owed - count : 0);
  return count;
}

static void note_owed(struct log *log, int stream, const u8 *bytes, u64 length) {
  for (u64 back = 1; back <= 3 && back <= length; back++) {
    u8 byte = bytes[length - back];
    if (byte >> 6 == 2) continue;
    u64 whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (whole > back) log->owed[stream == 2] = (u8)(whole - back);
    return;
  }
}

void log_write(struct log *log, int stream, const u8 *bytes, u64 length) {
  struct batch batch = { log, 0, 0, 0 };
  struct log_head head;
  if (!log->max_files || !length) return;
  u64 at = 0, time = clock_ns(CLOCK_REALTIME_), first = owed_bytes(log, stream, bytes, length);
  note_owed(log, stream, bytes, length);
  log_head(&head, stream == 2 ? "stderr" : "stdout", time);
  int open = is_ready(log);
  if (open && !add_loss(&batch, time)) {
    log->used = 1;
    while (at < length) {
      u64 taken = add_entry(&batch, &head, bytes + at, at < first ? first - at : length - at);
      if (!taken) break;
      at += taken;
    }
    flush(&batch);
  }
  log->lost += length - at;
}

void log_rest(struct log *log) {
  if (log->used) sys(madvise, buffer, LOG_BUFFER, MADV_DONTNEED);
  log->used = 0;
}

void log_close(struct log *log) {
  struct batch batch = { log, 0, 0, 0 };
  if (log->lost && is_ready(log) && !add_loss(&batch, clock_ns(CLOCK_REALTIME_))) flush(&batch);
  log_rest(log);
  if (log->fd >= 0) close_file(log);
  log->max_files = 0;
}
