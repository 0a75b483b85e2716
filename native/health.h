/* health.h: what is known of a container's health, and where it is written down. */
#ifndef TSRUN_HEALTH_H
#define TSRUN_HEALTH_H
#include "sys.h"

#define HEALTH_RESULTS 5
#define HEALTH_OUTPUT 4096

enum health_status { HEALTH_STARTING, HEALTHY, UNHEALTHY };

/* code: -1 when it did not end by itself, or was not executed: then there is an errno. */
struct health_result {
  u64 start, end; /* ns since 1970 */
  s64 code;
  s32 error;
  u8 late, cut;
  u32 length;
  u8 output[HEALTH_OUTPUT];
};

/* The result that is being made has the place behind the last. */
struct health {
  enum health_status status;
  u32 streak;
  u64 count; /* of results, ever */
  struct health_result results[HEALTH_RESULTS + 1];
};

static inline struct health_result *health_result(struct health *health, u64 number) {
  return &health->results[number % (HEALTH_RESULTS + 1)];
}

/* health.json in that directory, whole or not at all: what cannot be written down is as it is all the same. */
void record_health(s64 dir, struct health *health);

#endif
