// The server's table of jobs. All of it runs in the server's process.
#pragma once
#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "network.h"
#include "parking.h"
#include "request.h"
#include "run.h"

class Jobs {
 public:
  // `hasNamespaces`: whether the kernel ends a step with its first process. Else a supervisor does (supervise.cc).
  Jobs(int replyFd, bool hasNamespaces) : replyFd_(replyFd), hasNamespaces_(hasNamespaces) {}

  // Starts the process of a job, or keeps it until its network is ready. Whatever goes wrong is answered with Failed and
  // Exited, as if the job had done it.
  void start(Request request);
  // Kills a job: of a run, process 1 of its pid namespace, and with it every process of the step. It is answered when
  // it was reaped. A job that has ended meanwhile is none any more; its id is not used twice.
  void stop(uint32_t id);
  // Reaps every process that has ended and writes Exited for those that are jobs.
  void reap();
  // Nobody will ask for anything any more: where the end of this process does not end all jobs, this does.
  void endAll();

  // For the poll loop: what runs wait for, their networks and the processes on their way into control groups, and the runs
  // that have it all.
  void addPollFds(std::vector<pollfd>& fds) const;
  int timeoutMs() const;
  void serviceWaiting();

 private:
  struct Network {
    NetworkPool* pool = nullptr;
    uint32_t id = 0;
    bool reusable = false;
  };
  struct Running {
    uint32_t id = 0;
    Network network;
    bool isSupervised = false;  // a step without namespaces: told to end by SIGTERM, because it has to tidy up
  };
  struct Waiting {
    Job job;
    RunHead head;
    Fd specFd;
    std::unique_ptr<Specification> specification;
    SpecReader spec;  // behind the head
    Network network;
  };
  void startWorker(Request& request, Job& job);
  void startRun(Request& request, Job& job);
  void settle(Waiting& run);
  pid_t clone(Waiting& run, int netnsFd);
  NetworkPool& poolOf(const std::vector<NetworkProgram>& programs);
  Job answer(uint32_t id) const;
  std::set<pid_t> children() const;

  int replyFd_;
  bool hasNamespaces_;
  std::map<pid_t, Running> running_;
  std::vector<Waiting> waiting_;
  Parking parking_;
  std::map<std::vector<std::vector<std::string>>, NetworkPool> pools_;  // by the programs' arguments
};
