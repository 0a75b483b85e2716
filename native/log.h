/* log.h: what a container wrote, one JSON object a line, rotated.
 *
 *   {"v":1,"stream":"stdout"|"stderr","time":"<ns since 1970>","text":"…"}   one line of output, without its newline
 *   … "base64":"…" for "text" when the bytes are not UTF-8 or hold a NUL; … ,"partial":true behind it when no newline ended it
 *   {"v":1,"stream":"tsrun","time":"…","lost":N}   N bytes of output that came before could not be written
 *
 * The newest file is log.jsonl, older ones log.jsonl.1, .2, …; max_files counts them all. An entry is never longer than LOG_ENTRY_MOST
 * or max_size: a longer line is cut into partial entries. A line that is no JSON was torn by a crash, and is to be passed over. */
#ifndef TSRUN_LOG_H
#define TSRUN_LOG_H
#include "sys.h"

#define LOG_BUFFER 262144

struct log {
  s64 dir, fd; /* where it lies, which is the caller's; the newest file, or -1 */
  u64 max_size, size; /* 0: no limit; of the newest file */
  u64 lost;    /* bytes of output that nobody has been told of */
  u32 max_files;
  u8 torn;     /* the file ends within a line */
  u8 used;     /* the buffer holds memory */
  u8 owed[2];  /* bytes that the last character of either stream lacks */
};

/* Opens nothing yet: a container that writes nothing costs no file. max_files 0: there is no log. */
void log_open(struct log *log, s64 dir, u64 max_size, u32 max_files);
/* stream: 1 or 2. Whatever cannot be written is counted. All that can be is in the file when it returns. */
void log_write(struct log *log, int stream, const u8 *bytes, u64 length);
/* Nothing is to be written for a while: gives memory back. */
void log_rest(struct log *log);
/* The last: says what was lost, if that is possible by now. */
void log_close(struct log *log);

/* log_entry.c */
struct log_head {
  u8 bytes[64]; /* all in front of the text, which is the same in every entry of one log_write */
  u64 length;   /* as far as it goes for other bytes, too */
};
struct log_entry {
  u64 taken, made; /* bytes of output, and of the entry */
  int cut;         /* the room was too small for all of it */
};
#define LOG_ENTRY_MOST 65536
#define LOG_ENTRY_ROOM 512 /* less is too small for any entry */

void log_head(struct log_head *head, const char *stream, u64 time);
/* The first line of these bytes, or as much of it as goes into one entry. length > 0, room >= LOG_ENTRY_ROOM. */
struct log_entry log_encode(const struct log_head *head, const u8 *bytes, u64 length, u8 *out, u64 room);

#endif
