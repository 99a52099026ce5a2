// See request.h.
#include "request.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace {

constexpr size_t kRequestFdMax = 64;  // as in addon/channel.cc
constexpr size_t kHeaderBytes = 6;    // u32 id, u16 kind

void takeDescriptors(msghdr& message, Request& request) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      if (i == 0) request.spec = Fd(fd);
      else request.fds.emplace_back(fd);
    }
  }
}

}  // namespace

Specification::~Specification() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
}

int Specification::map(int fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return errno;
  if (status.st_size == 0) return 0;
  void* mapped = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
  if (mapped == MAP_FAILED) return errno;
  data_ = static_cast<const uint8_t*>(mapped);
  size_ = static_cast<size_t>(status.st_size);
  return 0;
}

Received receiveRequest(int socketFd, Request& request) {
  uint8_t header[kHeaderBytes];
  iovec data{header, sizeof header};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kRequestFdMax)];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t size = recvmsg(socketFd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return errno == EINTR || errno == EAGAIN ? Received::Nothing : Received::End;
  takeDescriptors(message, request);
  if (size != kHeaderBytes) return Received::End;
  uint16_t kind;
  std::memcpy(&request.id, header, sizeof request.id);
  std::memcpy(&kind, header + sizeof request.id, sizeof kind);
  request.kind = static_cast<JobKind>(kind);
  return Received::Request;
}
