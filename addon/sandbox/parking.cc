// See parking.h.
#include "parking.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "request.h"
#include "run.h"

namespace {

constexpr size_t kHandOverFdMax = 8;  // the specification, the step's output, its network

struct HandOver {
  uint32_t id = 0;           // of the run
  uint32_t hasNetwork = 0;   // then the last descriptor is its namespace
};

bool sendHandOver(int socket, const HandOver& step, const std::vector<int>& fds) {
  iovec data{const_cast<HandOver*>(&step), sizeof step};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kHandOverFdMax)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof step);
}

// False when nobody will hand anything over any more.
bool receiveHandOver(int socket, HandOver& step, std::vector<Fd>& fds) {
  iovec data{&step, sizeof step};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kHandOverFdMax)];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  while ((size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); size > 0 && header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return size == static_cast<ssize_t>(sizeof step);
}

// Runs in the waiting process. Returns what `cloneRun` does.
pid_t cloneHandedOver(const HandOver& step, std::vector<Fd> fds) {
  if (fds.empty()) return -EINVAL;
  Specification specification;
  const int error = specification.map(fds.front().get());
  if (error != 0) return -error;
  SpecReader spec = specification.reader();
  const RunHead head = readRunHead(spec);
  fds.erase(fds.begin());
  Fd netns;
  if (step.hasNetwork != 0 && !fds.empty()) {
    netns = std::move(fds.back());
    fds.pop_back();
  }
  Job run;
  run.id = step.id;
  run.replyFd = kReplyFd;
  run.fds = std::move(fds);
  return cloneRun(head, spec, run, {netns.valid() ? netns.get() : -1, true});
}

}  // namespace

int enterCgroups(const std::vector<std::string>& files, std::string& path) {
  for (const std::string& name : files) {
    path = name;
    Fd file(open(name.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid()) return errno;
    if (write(file.get(), "0", 1) != 1) return errno;  // 0 is whoever writes
  }
  return 0;
}

// files. Runs in the job's process, a fork of the server with all its privileges.
void runPark(Job& job, SpecReader& spec) {
  const std::vector<std::string> files = spec.strings();
  if (spec.failed() || job.fds.size() != 1) fail(job, 0, "enter cgroups", "", EINVAL, "");
  const int socket = job.fds.front().get();
  std::string path;
  const int error = enterCgroups(files, path);
  if (error != 0) fail(job, 0, "enter cgroups", "write", error, path);
  const char arrived = 1;
  HandOver step;
  std::vector<Fd> fds;
  if (send(socket, &arrived, 1, MSG_NOSIGNAL) != 1 || !receiveHandOver(socket, step, fds)) _exit(0);
  const pid_t pid = cloneHandedOver(step, std::move(fds));
  if (send(socket, &pid, sizeof pid, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof pid)) _exit(1);
  succeed(job, FrameWriter());
}

Fd Parking::open(uint32_t id, std::vector<std::string> files) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return Fd();
  places_.push_back({id, std::move(files), Fd(ends[0]), false});
  return Fd(ends[1]);
}

void Parking::ended(uint32_t id) {
  std::erase_if(places_, [id](const Place& place) { return place.id == id; });
}

const Parking::Place* Parking::find(const std::vector<std::string>& files) const {
  const auto found = std::find_if(places_.begin(), places_.end(), [&](const Place& place) { return place.files == files; });
  return found == places_.end() ? nullptr : &*found;
}

bool Parking::isGoing(const std::vector<std::string>& files) const {
  const Place* place = find(files);
  return place != nullptr && !place->arrived;
}

bool Parking::isThere(const std::vector<std::string>& files) const {
  const Place* place = find(files);
  return place != nullptr && place->arrived;
}

pid_t Parking::handOver(const std::vector<std::string>& files, const Job& run, int specFd, int netnsFd) {
  const Place* place = find(files);
  if (place == nullptr) return -EPIPE;
  std::vector<int> fds{specFd};
  for (const Fd& fd : run.fds) fds.push_back(fd.get());
  if (netnsFd >= 0) fds.push_back(netnsFd);
  if (fds.size() > kHandOverFdMax) return -E2BIG;
  pid_t pid = -EPIPE;
  if (!sendHandOver(place->socket.get(), {run.id, netnsFd >= 0 ? 1U : 0U}, fds)) return -EPIPE;
  while (recv(place->socket.get(), &pid, sizeof pid, 0) < 0 && errno == EINTR) {
  }
  return pid;
}

void Parking::addPollFds(std::vector<pollfd>& fds) const {
  for (const Place& place : places_) {
    if (!place.arrived) fds.push_back({place.socket.get(), POLLIN, 0});
  }
}

void Parking::service() {
  std::erase_if(places_, [](Place& place) {
    if (place.arrived) return false;
    char arrived = 0;
    const ssize_t size = recv(place.socket.get(), &arrived, 1, MSG_DONTWAIT);
    place.arrived = size == 1;
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);  // it has ended, and says why by its job
  });
}
