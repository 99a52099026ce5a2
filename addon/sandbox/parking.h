// Processes that wait in the control groups of steps to come.
//
// To move a process into a group takes the kernel 4 to 20 ms, because it waits for every processor; to be born in one costs
// nothing. So while one step runs, a process goes into the groups of the next one and waits there. It is a copy of the
// server: when that step comes, it clones the step's process in the server's place, as its own sibling, and ends.
#pragma once
#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fd.h"
#include "job.h"

// The server's side.
class Parking {
 public:
  // To be called before the process is forked: the end of a socket that is for it alone, as its job's only descriptor.
  // `id` is the job's. Invalid with errno on failure.
  Fd open(uint32_t id, std::vector<std::string> files);
  // The process of this job has ended.
  void ended(uint32_t id);

  // Whether a process for exactly these groups is on its way into them, or there.
  bool isGoing(const std::vector<std::string>& files) const;
  bool isThere(const std::vector<std::string>& files) const;
  // Has that process clone the step's, which is then a child of the server. Returns its pid, or -errno; -EPIPE when there is
  // no such process any more. Waits for the clone.
  pid_t handOver(const std::vector<std::string>& files, const Job& run, int specFd, int netnsFd);

  // For the poll loop: what says that a process has arrived.
  void addPollFds(std::vector<pollfd>& fds) const;
  void service();

 private:
  struct Place {
    uint32_t id = 0;
    std::vector<std::string> files;
    Fd socket;
    bool arrived = false;
  };
  const Place* find(const std::vector<std::string>& files) const;
  std::vector<Place> places_;
};

// Writes this process into groups: `files` are their cgroup.procs. 0, or an errno with the file in `path`.
int enterCgroups(const std::vector<std::string>& files, std::string& path);
