// Networks of steps: a network namespace, and a user-mode network program (slirp4netns, pasta) that connects it to the
// host's network without bridges, firewall rules or privileges. C++ starts and ends them; which program with which
// arguments is decided by src/sandbox/network.ts.
//
// Life cycle of a network: Starting -> Ready -> (released) or Starting -> Failed. A network that a step has used is
// destroyed: what a step leaves in a namespace (TIME_WAIT sockets that occupy a port, neighbour entries, connections half
// closed) must not reach the next one. Most steps use none: one whose counters (its /proc/net/snmp, proc(5): IPv4 packets,
// and TCP of both versions) stand where they stood when it was ready goes to the next step. A new one costs about 15 ms of CPU, start and end together.
//
// Everything here runs in the server: single-threaded, process 1 of the outer pid namespace, in the host's network
// namespace. That pid namespace guarantees that no program outlives the server, however it ends.
#pragma once
#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fd.h"
#include "spec.h"

// A program that connects a network namespace, and how it says that the network is usable.
struct NetworkProgram {
  enum class ReadyBy : uint8_t {
    Byte = 0,        // it writes to descriptor 4 (slirp4netns)
    Background = 1,  // it goes on in the background, and the process that was started exits with 0 (pasta)
  };
  std::vector<std::string> argv;  // argv[0]: absolute path; no PATH search; the environment is empty
  ReadyBy readyBy = ReadyBy::Byte;
  uint32_t startLimitMs = 0;  // from the start until it is ready; then it is killed and the next one is tried
};

// Where the program finds the network namespace, bound to a file on a private tmpfs: pasta closes inherited
// descriptors and may not look into other processes. Its arguments name it.
constexpr char kNetnsDirectory[] = "/dev/shm";
constexpr char kNetnsPath[] = "/dev/shm/netns";

// u32 count, then for each program, best first: u8 readyBy, u32 startLimitMs, strings argv
// (`encodeNetworkPrograms` in src/sandbox/network.ts).
std::vector<NetworkProgram> readNetworkPrograms(SpecReader& spec);

enum class NetworkState : uint8_t { Starting, Ready, Failed };

// Why a network failed: the first failing system call of ours, if any (else "" and 0: a program ended or was late), and
// one line for people, with what each program printed.
struct NetworkFailure {
  const char* syscall = "";
  int error = 0;
  std::string detail;
};

// How the server uses it:
//   request:    id = pool.acquire(); if state(id) is Starting, keep the job; else start or fail it
//   poll loop:  pool.addPollFds(fds); poll(fds, min(timeout, pool.timeoutMs())); pool.service(); look at waiting jobs
//   SIGCHLD:    for each waitpid(-1, WNOHANG): pool.reaped(pid, status) || it is another child
//   job ended:  pool.release(id)
class NetworkPool {
 public:
  // Of several programs the first that works is used; one that failed to start a network is not tried again.
  explicit NetworkPool(std::vector<NetworkProgram> programs);
  NetworkPool(const NetworkPool&) = delete;
  NetworkPool& operator=(const NetworkPool&) = delete;
  ~NetworkPool();  // kills every program; nobody is waited for. A forked job ends by _exit and so never gets here.

  // Starts a network that no step has asked for yet, unless a spare exists. Returns at once.
  void prewarm();
  // Gives the caller a network of its own: the spare if there is one, else a new one. Returns at once, never 0.
  uint32_t acquire();
  // The step is over, or was given up in any state: the program is killed, the namespace goes with its last process.
  // The kernel takes 15 to 60 ms to end such a program; nobody waits for that (`reaped` then says false).
  // `reusable`: the step could not have changed it but by sending something; not so with CAP_NET_ADMIN.
  void release(uint32_t id, bool reusable = false);

  NetworkState state(uint32_t id) const;
  // The network namespace, for setns(fd, CLONE_NEWNET) in the step; owned by the pool, close-on-exec. -1 before Ready.
  int netns(uint32_t id) const;
  // Call when Failed.
  const NetworkFailure& failure(uint32_t id) const;

  // Appends the descriptors that wake the loop (POLLIN); none when no network is starting.
  void addPollFds(std::vector<pollfd>& fds) const;
  // Milliseconds until `service` must be called for a time limit; -1: never.
  int timeoutMs() const;
  // Looks at every starting network, without blocking. Call it after each poll, whatever woke it.
  void service();
  // Tells the pool that a child of the server was reaped. True if it was the program of a network in use or starting:
  // a Ready network is then Failed, which a step notices only as a network that does not answer.
  bool reaped(pid_t pid, int status);

 private:
  struct Network {
    uint32_t id = 0;
    bool taken = false;
    NetworkState state = NetworkState::Starting;
    size_t program = 0;      // index of the one that runs or failed last
    pid_t pid = -1;          // -1: not running, or reaped
    int64_t deadlineMs = 0;  // CLOCK_MONOTONIC
    Fd netns;
    Fd counters;            // reading from the start again gives the present values
    std::string untouched;  // the counters when it was ready
    Fd ready;   // read end; the program has the other one
    Fd output;  // memfd with what the program prints
    NetworkFailure failure;
  };
  bool isUntouched(const Network& network) const;
  size_t spareCount() const;
  Network& start();
  void launch(Network& network);
  void settle(Network& network, int64_t nowMs);
  void tryNext(Network& network, const char* syscall, int error, const std::string& what);
  const Network* find(uint32_t id) const;

  std::vector<NetworkProgram> programs_;
  size_t firstProgram_ = 0;  // those before it do not work here
  NetworkFailure lastFailure_{"", 0, "there is no program for user-mode networking"};
  std::vector<Network> networks_;
  uint32_t lastId_ = 0;
};

// Makes a network namespace with `lo` up, in the caller's user namespace, and returns a descriptor of it; the caller
// stays where it is; `counters`, where given, gets the new namespace's. -1 with errno on failure. (Also works rootless, where setns back into the host's network
// namespace is refused: it is a child that enters the new one.)
Fd makeNetworkNamespace(Fd* counters = nullptr);

// Brings `lo` up in the current network namespace. False with errno on failure. Async-signal-safe, for the step's child.
bool bringLoopbackUp();
