// See descendants.h. Runs in the server, in its outer process, and in the supervisor of a step.
#include "descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "fd.h"

namespace {

// More rounds than this stop nothing more: what goes on forking then is killed as it comes.
constexpr int kStopRoundsMax = 200;
// Between two looks at processes that are dying. Nobody can wait for "any child" here: some belong to others.
constexpr useconds_t kDyingMicroseconds = 1000;

struct Process {
  pid_t parent = 0;
  char state = '?';
};

// Of /proc/PID/stat, proc(5): the name in brackets may hold anything, also brackets. False where the process is gone.
bool readProcess(pid_t pid, Process& process) {
  const Fd file(open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  char text[512];
  const ssize_t size = read(file.get(), text, sizeof text - 1);
  if (size <= 0) return false;
  text[size] = '\0';
  const char* close = std::strrchr(text, ')');
  return close != nullptr && std::sscanf(close + 1, " %c %d", &process.state, &process.parent) == 2;
}

int readProcesses(std::map<pid_t, Process>& processes) {
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return errno;
  for (const dirent* entry; (entry = readdir(folder)) != nullptr;) {
    const pid_t pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    Process process;
    if (pid > 0 && readProcess(pid, process)) processes[pid] = process;
  }
  closedir(folder);
  return 0;
}

bool isBelow(const std::map<pid_t, Process>& processes, pid_t pid, pid_t self, const std::set<pid_t>& spared) {
  for (size_t steps = 0; steps <= processes.size(); steps++) {  // ids may be used again while we look: never round in a circle
    if (spared.contains(pid)) return false;
    const auto found = processes.find(pid);
    if (found == processes.end()) return false;
    if (found->second.parent == self) return true;
    pid = found->second.parent;
  }
  return false;
}

// The id may have gone to another process since it was read; one with the same parent is one of ours as well.
void send(pid_t pid, const Process& seen, int signalNumber) {
  const Fd handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  Process now;
  if (!handle.valid() || !readProcess(pid, now) || now.parent != seen.parent) return;
  syscall(SYS_pidfd_send_signal, handle.get(), signalNumber, nullptr, 0);
}

// Sends to all below and returns how many were not stopped or dead before; -errno where they cannot be listed.
int sendToAll(const std::set<pid_t>& spared, int signalNumber) {
  std::map<pid_t, Process> processes;
  const int error = readProcesses(processes);
  if (error != 0) return -error;
  int running = 0;
  const pid_t self = getpid();
  for (const auto& [pid, process] : processes) {
    if (process.state == 'Z' || !isBelow(processes, pid, self, spared)) continue;
    if (process.state != 'T' && process.state != 't') running++;
    send(pid, process, signalNumber);
  }
  return running;
}

// Reaps the children that are dead, but for spared ones. How many are left; -errno where they cannot be listed.
int reapChildren(const std::set<pid_t>& spared) {
  std::map<pid_t, Process> processes;
  const int error = readProcesses(processes);
  if (error != 0) return -error;
  int left = 0;
  for (const auto& [pid, process] : processes) {
    if (process.parent != getpid() || spared.contains(pid)) continue;
    if (waitpid(pid, nullptr, WNOHANG) == 0) left++;
  }
  return left;
}

bool hasChildren() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

int adoptOrphans() { return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? 0 : errno; }

int killDescendants(const std::set<pid_t>& spared) {
  if (!hasChildren()) return 0;
  for (int round = 0; round < kStopRoundsMax; round++) {
    const int running = sendToAll(spared, SIGSTOP);
    if (running < 0) return -running;
    if (running == 0) break;
  }
  for (;;) {
    const int killed = sendToAll(spared, SIGKILL);
    if (killed < 0) return -killed;
    const int left = reapChildren(spared);
    if (left <= 0) return -left;
    usleep(kDyingMicroseconds);
  }
}
