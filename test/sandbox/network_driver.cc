// Drives NetworkPool for the tests as the server does: network_driver SPECIFICATION run COMMAND... | hold | bench COUNT.
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "../../addon/sandbox/network.h"

static double nowMs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void reapAll(NetworkPool& pool) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) pool.reaped(pid, status);
}

static bool wait(NetworkPool& pool, uint32_t id) {
  while (pool.state(id) == NetworkState::Starting) {
    std::vector<pollfd> fds;
    pool.addPollFds(fds);
    poll(fds.data(), fds.size(), pool.timeoutMs());
    reapAll(pool);
    pool.service();
  }
  if (pool.state(id) == NetworkState::Ready) return true;
  fprintf(stderr, "failed %s %d: %s\n", pool.failure(id).syscall, pool.failure(id).error, pool.failure(id).detail.c_str());
  return false;
}

static int runIn(int netns, char** command) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (setns(netns, CLONE_NEWNET) != 0) _exit(126);
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int bench(NetworkPool& pool, int count) {
  for (int i = 0; i < count; i++) {
    const double start = nowMs();
    const uint32_t id = pool.acquire();
    const double acquired = nowMs();
    if (!wait(pool, id)) return 1;
    const double ready = nowMs();
    pool.release(id);
    printf("%.2f %.2f\n", acquired - start, ready - start);
  }
  return 0;
}

int main(int argc, char** argv) {
  char buffer[65536];
  const int file = open(argv[1], O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(file, buffer, sizeof buffer);
  SpecReader spec(reinterpret_cast<uint8_t*>(buffer), size > 0 ? static_cast<size_t>(size) : 0);
  NetworkPool pool(readNetworkPrograms(spec));
  if (argc < 3 || spec.failed() || !spec.atEnd()) return 125;
  const std::string mode = argv[2];
  if (mode == "bench") return bench(pool, atoi(argv[3]));
  pool.prewarm();
  const uint32_t id = pool.acquire();
  if (!wait(pool, id)) return 1;
  if (mode == "run") return runIn(pool.netns(id), argv + 3);
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}
