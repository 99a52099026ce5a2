// What a job is doing: lets functions deep inside end the job with a full error {operation, syscall, errno, path}.
#pragma once
#include <cerrno>
#include <string>
#include <string_view>

#include "job.h"

struct Operation {
  const Job& job;
  const char* name;

  // Ends the job with the errno that the system call just left.
  [[noreturn]] void failErrno(std::string_view syscall, std::string_view path) const {
    fail(job, 0, name, syscall, errno, path);
  }
  // The same for a file that cannot be given to its owner: EINVAL is an id that this user namespace does not have.
  [[noreturn]] void failOwner(std::string_view syscall, std::string_view path, uint32_t uid, uint32_t gid) const {
    fail(job, 0, name, syscall, errno, path, "owner " + std::to_string(uid) + ":" + std::to_string(gid));
  }
  [[noreturn]] void failWith(std::string_view syscall, int error, std::string_view path) const {
    fail(job, 0, name, syscall, error, path);
  }
  // A failure that is not a system call's: `detail` is a message for people that names the operand and the cause.
  [[noreturn]] void refuse(int error, std::string_view path, std::string_view detail) const {
    fail(job, 0, name, "", error, path, detail);
  }
};

// A specification that cannot be read is a bug of ours; every job checks once, before it acts.
inline void requireSpec(const Operation& operation, const SpecReader& spec, size_t fdCount) {
  if (spec.failed() || operation.job.fds.size() < fdCount) operation.refuse(EINVAL, "", "malformed specification");
}
