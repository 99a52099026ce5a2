// See jobs.h.
#include "jobs.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "answer.h"
#include "descendants.h"

namespace {

constexpr int kKilled = SIGKILL;  // as a wait status
constexpr int kTidyingTenthsMax = 100;  // tenths of a second that supervisors have to put things back

using Worker = void (*)(Job&, SpecReader&);

Worker workerOf(JobKind kind) {
  switch (kind) {
    case JobKind::Commit: return runCommit;
    case JobKind::Apply: return runApply;
    case JobKind::Copy: return runCopy;
    case JobKind::Scan: return runScan;
    case JobKind::Read: return runRead;
    case JobKind::Remove: return runRemove;
    case JobKind::Extract: return runExtract;
    case JobKind::Export: return runExport;
    case JobKind::Park: return runPark;
    case JobKind::Move: return runMove;
    case JobKind::Give: return runGive;
    case JobKind::Duplicate: return runDuplicate;
    case JobKind::CompareTrees: return runCompareTrees;
    case JobKind::Probe: return runProbe;
    case JobKind::Run:
    case JobKind::Stop: break;
  }
  return nullptr;
}

// Runs in a job's process, forked from the server: its namespaces and privileges, none of its descriptors but 0 to 2,
// the reply pipe and the request's own. Does not return.
[[noreturn]] void runWorker(Request& request, Job& job) {
  leaveServer(job, request.spec.get());
  Worker worker = workerOf(request.kind);
  if (worker == nullptr) fail(job, 0, "start job", "request", ENOSYS, "");
  Specification specification;
  const int error = specification.map(request.spec.get());
  if (error != 0) fail(job, 0, "start job", "mmap", error, "");
  request.spec.reset();
  SpecReader spec = specification.reader();
  worker(job, spec);
  _exit(1);
}

// Of the specification of a Park job, which the job's process reads again.
std::vector<std::string> readParkedFiles(const Request& request) {
  Specification specification;
  if (specification.map(request.spec.get()) != 0) return {};
  SpecReader spec = specification.reader();
  return spec.strings();
}

}  // namespace

void leaveServer(const Job& job, int kept) {
  std::vector<int> open{kReplyFd, kept};
  for (const Fd& fd : job.fds) open.push_back(fd.get());
  std::sort(open.begin(), open.end());
  int next = kRequestFd;
  for (const int fd : open) {
    if (fd > next) close_range(static_cast<unsigned>(next), static_cast<unsigned>(fd - 1), 0);
    next = std::max(next, fd + 1);
  }
  close_range(static_cast<unsigned>(next), ~0U, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

Job Jobs::answer(uint32_t id) const {
  Job job;
  job.id = id;
  job.replyFd = replyFd_;
  return job;
}

void Jobs::start(Request request) {
  Job job = answer(request.id);
  job.fds = std::move(request.fds);
  if (request.kind == JobKind::Run) return startRun(request, job);
  if (request.kind == JobKind::Park) job.fds.push_back(parking_.open(job.id, readParkedFiles(request)));
  startWorker(request, job);
}

void Jobs::startWorker(Request& request, Job& job) {
  const pid_t pid = fork();
  if (pid == 0) runWorker(request, job);
  if (pid > 0) {
    running_[pid] = {job.id, {}, false};
    return;
  }
  parking_.ended(job.id);
  writeFailed(job, "start job", "fork", errno);
  writeExited(job, 0, {});
}

void Jobs::startRun(Request& request, Job& job) {
  auto specification = std::make_unique<Specification>();
  const int error = specification->map(request.spec.get());
  if (error != 0) {
    writeFailed(job, "start job", "mmap", error);
    return writeExited(job, 0, {});
  }
  SpecReader spec = specification->reader();
  RunHead head = readRunHead(spec);
  Network network;
  if (!head.network.empty()) {
    network.pool = &poolOf(head.network);
    network.id = network.pool->acquire();
    network.reusable = head.networkReusable;
    network.pool->prewarm();  // for the step after this one
  }
  waiting_.push_back({std::move(job), std::move(head), std::move(request.spec), std::move(specification), spec, network});
  serviceWaiting();
}

NetworkPool& Jobs::poolOf(const std::vector<NetworkProgram>& programs) {
  std::vector<std::vector<std::string>> key;
  for (const NetworkProgram& program : programs) key.push_back(program.argv);
  return pools_.try_emplace(std::move(key), programs).first->second;
}

// From the run's control groups, if a process waits there; else the step enters them by itself.
pid_t Jobs::clone(Waiting& run, int netnsFd) {
  if (parking_.isThere(run.head.cgroupFiles)) {
    const pid_t pid = parking_.handOver(run.head.cgroupFiles, run.job, run.specFd.get(), netnsFd);
    if (pid != -EPIPE) return pid;
  }
  return cloneRun(run.head, run.spec, run.job, {netnsFd, false});
}

// Starts or gives up a run whose network has settled.
void Jobs::settle(Waiting& run) {
  const auto [pool, networkId, reusable] = run.network;
  pid_t pid = 0;
  if (pool != nullptr && pool->state(networkId) == NetworkState::Failed) {
    const NetworkFailure& failure = pool->failure(networkId);
    writeFailed(run.job, "start network", failure.syscall, failure.error, failure.detail);
  } else {
    pid = clone(run, pool == nullptr ? -1 : pool->netns(networkId));
    if (pid < 0) writeFailed(run.job, "clone", "clone3", -pid);
  }
  if (pid > 0) {
    running_[pid] = {run.job.id, run.network, !hasNamespaces_};
    return;
  }
  if (pool != nullptr) pool->release(networkId, reusable);
  writeExited(run.job, 0, {});
}

void Jobs::serviceWaiting() {
  for (auto& [argv, pool] : pools_) pool.service();
  parking_.service();
  std::erase_if(waiting_, [this](Waiting& run) {
    const auto& [pool, networkId, reusable] = run.network;
    if (pool != nullptr && pool->state(networkId) == NetworkState::Starting) return false;
    if (parking_.isGoing(run.head.cgroupFiles)) return false;
    settle(run);
    return true;
  });
}

void Jobs::addPollFds(std::vector<pollfd>& fds) const {
  for (const auto& [argv, pool] : pools_) pool.addPollFds(fds);
  parking_.addPollFds(fds);
}

int Jobs::timeoutMs() const {
  int timeout = -1;
  for (const auto& [argv, pool] : pools_) {
    const int one = pool.timeoutMs();
    if (one >= 0 && (timeout < 0 || one < timeout)) timeout = one;
  }
  return timeout;
}

void Jobs::stop(uint32_t id) {
  for (const auto& [pid, running] : running_) {
    if (running.id == id) kill(pid, running.isSupervised ? SIGTERM : SIGKILL);  // not reaped yet, so the number is still its own
  }
  std::erase_if(waiting_, [this, id](Waiting& run) {
    if (run.job.id != id) return false;
    if (run.network.pool != nullptr) run.network.pool->release(run.network.id);
    writeExited(run.job, kKilled, {});
    return true;
  });
}

std::set<pid_t> Jobs::children() const {
  std::set<pid_t> pids;
  for (const auto& [pid, running] : running_) pids.insert(pid);
  return pids;
}

void Jobs::endAll() {
  if (hasNamespaces_) return;
  for (const auto& [pid, running] : running_) kill(pid, running.isSupervised ? SIGTERM : SIGKILL);
  for (int tenths = 0; tenths < kTidyingTenthsMax && !running_.empty(); tenths++) {
    reap();
    if (!running_.empty()) usleep(100'000);
  }
  killDescendants();
}

void Jobs::reap() {
  int status;
  rusage usage;
  for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
    const auto job = running_.find(pid);
    if (job == running_.end()) {  // a network program, or an orphan of a job
      for (auto& [argv, pool] : pools_) {
        if (pool.reaped(pid, status)) break;
      }
      continue;
    }
    const Running ended = job->second;
    running_.erase(job);
    parking_.ended(ended.id);
    if (ended.isSupervised) killDescendants(children());  // what a supervisor that was killed itself has left
    if (ended.network.pool != nullptr) ended.network.pool->release(ended.network.id, ended.network.reusable);
    writeExited(answer(ended.id), status, usage);
  }
}
