// The frames that the server writes on behalf of a job's process.
#pragma once
#include <sys/resource.h>

#include <string_view>

#include "job.h"

// As `fail`, but goes on: the job could not be started.
void writeFailed(const Job& job, std::string_view operation, std::string_view syscall, int error, std::string_view detail = {});
// The last frame of every job, when its process was reaped: u32 exit code, u32 signal, u64 user and u64 system
// microseconds, u64 peak of the largest process in bytes.
void writeExited(const Job& job, int waitStatus, const rusage& usage);
