// File times in layers: whole seconds, by the build's time policy (DESIGN.md, section 5, "Times").
#pragma once
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>

#include "spec.h"

struct TimePolicy {
  enum class Kind : uint8_t { Clamp = 0, Keep = 1 };
  Kind kind = Kind::Clamp;
  int64_t seconds = 0;  // clamp only: later times become this one

  bool keeps() const { return kind == Kind::Keep; }
  // The time that lands in the tar: not negative (ustar cannot say it), and not later than the clamp.
  int64_t apply(int64_t fileSeconds) const {
    const int64_t clamped = keeps() || fileSeconds < seconds ? fileSeconds : seconds;
    return clamped < 0 ? 0 : clamped;
  }
};

// u8 kind, i64 seconds.
inline TimePolicy readTimePolicy(SpecReader& spec) {
  TimePolicy policy;
  policy.kind = spec.u8() == 1 ? TimePolicy::Kind::Keep : TimePolicy::Kind::Clamp;
  policy.seconds = spec.i64();
  return policy;
}

// A layer says nothing about the root directory. Whoever makes a snapshot (apply, or commit with normalise) gives its
// root these attributes, so that both make the same one. The time is the design's constant, 1980-01-02.
constexpr int64_t kRootSeconds = 315619200;
constexpr mode_t kRootMode = 0755;

// Sets the modification time (and the access time to the same) of `name` itself, a symbolic link included.
inline int setTimeAt(int dirFd, const char* name, int64_t seconds, long nanoseconds = 0) {
  const struct timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  return utimensat(dirFd, name, times, AT_SYMLINK_NOFOLLOW);
}
