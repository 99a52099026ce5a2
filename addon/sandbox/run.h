// One RUN step: cloned by the server into namespaces of its own, where it carries out its operations and becomes the
// command.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "fd.h"
#include "job.h"
#include "network.h"

// The server's ends of the socket and the pipe that src/native/helper.ts made.
constexpr int kRequestFd = 3;
constexpr int kReplyFd = 4;

// What the server itself must know of a run; the head of its specification:
// u64 CLONE_NEW* flags, network programs.
struct RunHead {
  uint64_t cloneFlags = 0;
  std::vector<NetworkProgram> network;  // none: no program, but perhaps a namespace
};
RunHead readRunHead(SpecReader& spec);

// Undoes what the server did to signals, before a job does anything else.
void resetSignals();

// Clones the step's process; `spec` stands behind the head. With `netnsFd` >= 0 the step enters that network namespace.
// Runs in the server. Returns the pid, or -errno.
pid_t cloneRun(const RunHead& head, SpecReader spec, Job& job, int netnsFd);
