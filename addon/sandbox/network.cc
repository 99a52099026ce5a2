#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>

#include "network-program.h"

namespace {

int64_t monotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

// At rest two networks wait for steps: one that has been used by none, and one that is just back.
constexpr size_t kSparesMax = 2;

struct NewNamespace {
  int fd = -1;
  int counters = -1;
  int error = 0;
};

// Runs in a child that shares the server's memory and descriptors (the server waits as after vfork), in the new network
// namespace, with the server's privileges. The descriptor that it opens is the server's.
int openOwnNetworkNamespace(void* result) {
  auto* made = static_cast<NewNamespace*>(result);
  if (bringLoopbackUp()) made->fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (made->fd < 0) made->error = errno;
  made->counters = open("/proc/self/net/snmp", O_RDONLY | O_CLOEXEC);  // without it the network is not used again
  return 0;
}

// What a network's counters say now; empty where they cannot be read.
std::string readCounters(const Fd& counters) {
  std::string text;
  char block[4096];
  if (!counters.valid() || lseek(counters.get(), 0, SEEK_SET) != 0) return "";
  ssize_t got;
  while ((got = read(counters.get(), block, sizeof block)) > 0) text.append(block, static_cast<size_t>(got));
  return got == 0 ? text : "";
}

std::string describeStatus(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

std::vector<NetworkProgram> readNetworkPrograms(SpecReader& spec) {
  std::vector<NetworkProgram> programs;
  const uint32_t count = spec.u32();
  for (uint32_t i = 0; i < count && !spec.failed(); i++) {
    NetworkProgram program;
    program.readyBy = static_cast<NetworkProgram::ReadyBy>(spec.u8());
    program.startLimitMs = spec.u32();
    program.argv = spec.strings();
    if (!program.argv.empty()) programs.push_back(std::move(program));
  }
  return programs;
}

NetworkPool::NetworkPool(std::vector<NetworkProgram> programs) : programs_(std::move(programs)) {}

NetworkPool::~NetworkPool() {
  while (!networks_.empty()) release(networks_.back().id);
}

void NetworkPool::prewarm() {
  std::erase_if(networks_, [](const Network& n) { return !n.taken && n.state == NetworkState::Failed; });
  if (spareCount() == 0 && firstProgram_ < programs_.size()) start();
}

uint32_t NetworkPool::acquire() {
  for (Network& network : networks_) {
    if (network.taken || network.state == NetworkState::Failed) continue;
    network.taken = true;
    return network.id;
  }
  Network& network = start();
  network.taken = true;
  return network.id;
}

void NetworkPool::release(uint32_t id, bool reusable) {
  const bool keep = reusable && spareCount() < kSparesMax;
  std::erase_if(networks_, [this, id, keep](Network& network) {
    if (network.id != id) return false;
    network.taken = !(keep && isUntouched(network));
    if (!network.taken) return false;
    if (network.pid > 0) kill(network.pid, SIGKILL);
    return true;
  });
}

bool NetworkPool::isUntouched(const Network& network) const {
  return network.state == NetworkState::Ready && network.pid > 0 && !network.untouched.empty() &&
         readCounters(network.counters) == network.untouched;
}

size_t NetworkPool::spareCount() const {
  return static_cast<size_t>(std::count_if(networks_.begin(), networks_.end(), [](const Network& n) { return !n.taken; }));
}

NetworkState NetworkPool::state(uint32_t id) const {
  const Network* network = find(id);
  return network ? network->state : NetworkState::Failed;
}

int NetworkPool::netns(uint32_t id) const {
  const Network* network = find(id);
  return network && network->state == NetworkState::Ready ? network->netns.get() : -1;
}

const NetworkFailure& NetworkPool::failure(uint32_t id) const {
  static const NetworkFailure released{"", 0, "the network was released"};
  const Network* network = find(id);
  return network ? network->failure : released;
}

void NetworkPool::addPollFds(std::vector<pollfd>& fds) const {
  for (const Network& network : networks_) {
    if (network.state == NetworkState::Starting) fds.push_back({network.ready.get(), POLLIN, 0});
  }
}

int NetworkPool::timeoutMs() const {
  int64_t nearest = -1;
  const int64_t now = monotonicMs();
  for (const Network& network : networks_) {
    if (network.state != NetworkState::Starting) continue;
    const int64_t left = std::max<int64_t>(network.deadlineMs - now, 0);
    nearest = nearest < 0 ? left : std::min(nearest, left);
  }
  return static_cast<int>(nearest);
}

void NetworkPool::service() {
  const int64_t now = monotonicMs();
  for (Network& network : networks_) {
    if (network.state == NetworkState::Starting) settle(network, now);
  }
}

bool NetworkPool::reaped(pid_t pid, int status) {
  for (Network& network : networks_) {
    if (network.pid != pid) continue;
    if (network.state == NetworkState::Starting) settle(network, monotonicMs());
    if (network.pid == pid) network.pid = -1;
    if (network.state == NetworkState::Ready) {
      network.state = NetworkState::Failed;
      network.failure = {"", 0, programs_[network.program].argv[0] + " " + describeStatus(status)};
    }
    return true;
  }
  return false;
}

const NetworkPool::Network* NetworkPool::find(uint32_t id) const {
  for (const Network& network : networks_) {
    if (network.id == id) return &network;
  }
  return nullptr;
}

NetworkPool::Network& NetworkPool::start() {
  Network& network = networks_.emplace_back();
  network.id = ++lastId_;
  network.program = firstProgram_;
  launch(network);
  return network;
}

// Starts the network's program, or leaves the network Failed.
void NetworkPool::launch(Network& network) {
  if (network.program >= programs_.size()) {
    network.state = NetworkState::Failed;
    if (network.failure.detail.empty()) network.failure = lastFailure_;
    return;
  }
  network.netns = makeNetworkNamespace(&network.counters);
  if (!network.netns.valid()) return tryNext(network, "clone", errno, "cannot make a network namespace");
  network.output = makeOutputFile();
  if (!network.output.valid()) return tryNext(network, "memfd_create", errno, "cannot make a file for its output");
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return tryNext(network, "pipe2", errno, "cannot make a pipe");
  network.ready = Fd(ready[0]);
  const Fd readyOfProgram(ready[1]);
  fcntl(network.ready.get(), F_SETFL, O_NONBLOCK);
  const NetworkProgram& program = programs_[network.program];
  network.deadlineMs = monotonicMs() + program.startLimitMs;
  network.pid = startNetworkProgram(program, network.netns, readyOfProgram, network.output);
  if (network.pid < 0) tryNext(network, "clone", errno, "cannot start a process");
}

// Decides a starting network: ready, failed, or still starting.
void NetworkPool::settle(Network& network, int64_t nowMs) {
  char byte = 0;
  const ssize_t got = read(network.ready.get(), &byte, 1);
  if (got == 1) {
    network.state = NetworkState::Ready;
    network.untouched = readCounters(network.counters);
    network.ready.reset();
  } else if (got == 0) {
    tryNext(network, "", 0, "ended before the network was ready");
  } else if (nowMs >= network.deadlineMs) {
    tryNext(network, "", 0, "was not ready after " + std::to_string(programs_[network.program].startLimitMs) + " ms");
  }
}

// Notes the failure of a starting network's program and starts the next one.
void NetworkPool::tryNext(Network& network, const char* syscall, int error, const std::string& what) {
  if (network.pid > 0) kill(network.pid, SIGKILL);
  network.pid = -1;
  NetworkFailure& failure = network.failure;
  if (failure.error == 0) {
    failure.error = error;
    failure.syscall = syscall;
  }
  if (!failure.detail.empty()) failure.detail += "; ";
  failure.detail += programs_[network.program].argv[0] + " " + what;
  if (error != 0) failure.detail += std::string(": ") + strerror(error);
  const std::string printed = readOutput(network.output);
  if (!printed.empty()) failure.detail += " (" + printed + ")";
  lastFailure_ = network.failure;
  network.program++;
  firstProgram_ = std::max(firstProgram_, network.program);
  launch(network);
}

Fd makeNetworkNamespace(Fd* counters) {
  NewNamespace made;
  alignas(16) char stack[16 * 1024];
  // No exit signal: the server's loop over its children never sees this one.
  const int flags = CLONE_NEWNET | CLONE_VM | CLONE_VFORK | CLONE_FILES;
  const pid_t pid = clone(openOwnNetworkNamespace, stack + sizeof stack, flags, &made);
  if (pid < 0) return Fd();
  while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) continue;
  Fd opened(made.counters);
  if (counters != nullptr) *counters = std::move(opened);
  errno = made.error;
  return Fd(made.fd);
}

bool bringLoopbackUp() {
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return false;
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  const int result = ioctl(control, SIOCSIFFLAGS, &request);
  const int error = errno;
  close(control);
  errno = error;
  return result == 0;
}
