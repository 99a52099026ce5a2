// tsbuild-sandbox: the process in which everything of a build happens that needs namespaces. Started once per build by
// src/native/helper.ts with the request socket as descriptor 3 and the reply pipe as descriptor 4; single-threaded.
//
// It is two processes. The outer one only waits. The inner one, the server, is process 1 of a pid namespace: when it
// ends, for whatever reason, the kernel kills every job. It ends when Node closes the socket, by dying too. (A death
// signal alone is not enough: a step can clear it.)
//
// With four arguments (user-namespace.h) it enters a user namespace first: a build without root.
//
// With the one argument `chroot` it makes no namespace at all, as in a container that may make none. Then nothing but these
// processes themselves ends the jobs: orphans become children of the server, or of the outer one, which kill them
// (descendants.h). Whoever kills the outer process and the server at once, with SIGKILL, leaves them behind.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "descendants.h"
#include "jobs.h"
#include "mount.h"
#include "run.h"
#include "seal.h"
#include "user-namespace.h"

namespace {

constexpr int kIdMapArguments = 4;
constexpr std::string_view kWithoutNamespaces = "chroot";
constexpr uint32_t kServerId = 0;  // the id of frames about the server itself; jobs count from 1

Job serverJob() {
  Job job;
  job.id = kServerId;
  job.replyFd = kReplyFd;
  return job;
}

[[noreturn]] void failToStart(const char* syscall, int error) { fail(serverJob(), 0, "start sandbox process", syscall, error, ""); }

// Runs in the outer process, still in the caller's namespaces, as the user who builds.
void enterNamespaces(int argumentCount, char** arguments) {
  if (argumentCount == kIdMapArguments) {
    const char* syscall = "";
    const int error = enterUserNamespace(readIdMaps(arguments), &syscall);
    if (error != 0) failToStart(syscall, error);
  }
  if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) failToStart("unshare", errno);
  if (makeAllPrivate() != 0) failToStart("mount_setattr", errno);
}

// Runs in the outer process: lives as long as the server, and ends as it ended.
[[noreturn]] void mirror(pid_t server, bool hasNamespaces) {
  close(kRequestFd);
  close(kReplyFd);
  int status = 0;
  while (waitpid(server, &status, 0) < 0 && errno == EINTR) {
  }
  if (!hasNamespaces) killDescendants();
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

Fd watchChildren() {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  sigprocmask(SIG_BLOCK, &children, nullptr);
  Fd fd(signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) failToStart("signalfd", errno);
  return fd;
}

// Runs in the server.
void acceptRequest(Jobs& jobs) {
  Request request;
  const Received received = receiveRequest(kRequestFd, request);
  if (received == Received::End) {
    jobs.endAll();
    _exit(0);
  }
  if (received == Received::Nothing) return;
  if (request.kind == JobKind::Stop) jobs.stop(request.id);
  else jobs.start(std::move(request));
}

// Runs in the server: process 1 of the outer pid namespace, in a private copy of the host's mounts.
// Without namespaces: a process that reaps the orphans of its jobs, in the caller's mounts.
[[noreturn]] void serve(bool hasNamespaces) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // if somebody kills the outer process
  prctl(PR_SET_DUMPABLE, 0);         // nobody of the same user attaches to it or reads its descriptors
  Fd children = watchChildren();
  const int error = hasNamespaces ? 0 : adoptOrphans();
  if (error != 0) failToStart("prctl", error);
  Jobs jobs(kReplyFd, hasNamespaces);
  sendFrame(serverJob(), FrameType::Started, FrameWriter());
  for (;;) {
    std::vector<pollfd> sources{{kRequestFd, POLLIN, 0}, {children.get(), POLLIN, 0}};
    jobs.addPollFds(sources);
    if (poll(sources.data(), sources.size(), jobs.timeoutMs()) < 0 && errno != EINTR) _exit(1);
    signalfd_siginfo ignored[16];
    while (read(children.get(), ignored, sizeof ignored) > 0) {
    }
    jobs.reap();
    jobs.serviceWaiting();
    if (sources[0].revents != 0) acceptRequest(jobs);
  }
}

}  // namespace

int main(int argc, char** argv, char** envp) {
  signal(SIGPIPE, SIG_DFL);
  const int error = continueFromSealedCopy(argv, envp);
  if (error != 0) failToStart("fexecve", error);
  if (close_range(kReplyFd + 1, ~0U, 0) != 0) failToStart("close_range", errno);
  if (chdir("/") != 0) failToStart("chdir", errno);
  umask(022);
  const bool hasNamespaces = argc != 2 || argv[1] != kWithoutNamespaces;
  if (hasNamespaces) enterNamespaces(argc - 1, argv + 1);
  else if (const int failure = adoptOrphans(); failure != 0) failToStart("prctl", failure);
  const pid_t server = fork();
  if (server < 0) failToStart("fork", errno);
  if (server > 0) mirror(server, hasNamespaces);
  serve(hasNamespaces);
}
