// One RUN step: cloned by the server into namespaces of its own, where it carries out its operations and becomes the
// command.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fd.h"
#include "job.h"
#include "network.h"

// The server's ends of the socket and the pipe that src/native/helper.ts made.
constexpr int kRequestFd = 3;
constexpr int kReplyFd = 4;

// What the server itself must know of a run; the head of its specification:
// u64 CLONE_NEW* flags (none: the process is the step's supervisor, supervise.cc), network programs, bool whether its network may serve another step, the cgroup.procs files of its
// control groups.
struct RunHead {
  uint64_t cloneFlags = 0;
  std::vector<NetworkProgram> network;  // none: no program, but perhaps a namespace
  bool networkReusable = false;
  std::vector<std::string> cgroupFiles;
};
RunHead readRunHead(SpecReader& spec);

// Lets go of what a job's process has from the server: every descriptor from 3 on but the reply pipe, the job's own and
// `kept` (-1: none), and the blocked signals. The descriptors of other jobs matter above all: a pipe that a step prints
// to has its end only when nobody holds it.
void leaveServer(const Job& job, int kept);

// From where a step's process is cloned.
struct RunPlace {
  int netnsFd = -1;        // the network namespace that it enters; -1: none
  bool isParked = false;   // the caller is a child of the server in the step's control groups (parking.h)
};

// Clones the step's process; `spec` stands behind the head. Runs in the server, or in a parked process; the step's is a child
// of the server in both. Returns the pid, or -errno.
pid_t cloneRun(const RunHead& head, SpecReader spec, Job& job, RunPlace place);
