// The way to the sandbox process: its request socket, sealed specifications, and pipes for what a step prints.
// Everything is made close-on-exec: nothing of it reaches a program that Node starts for somebody else.
#include <fcntl.h>
#include <napi.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "sandbox/fd.h"
#include "system-error.h"

namespace {

constexpr size_t kRequestFdMax = 64;       // the kernel takes 253 (SCM_MAX_FD)
constexpr int kSendTimeoutMs = 10'000;     // the server only forks between two reads of its socket
constexpr int kPipeSizeBytes = 1 << 20;    // what an unprivileged process may ask for (fs.pipe-max-size)

int fdArgument(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || !info[index].IsNumber()) throw Napi::TypeError::New(info.Env(), "expected a file descriptor");
  return info[index].As<Napi::Number>().Int32Value();
}

Napi::Buffer<uint8_t> bufferArgument(const Napi::CallbackInfo& info, size_t index) {
  if (info.Length() <= index || !info[index].IsBuffer()) throw Napi::TypeError::New(info.Env(), "expected a Buffer");
  return info[index].As<Napi::Buffer<uint8_t>>();
}

Napi::Object fdPair(Napi::Env env, const char* first, const char* second, const int fds[2]) {
  Napi::Object pair = Napi::Object::New(env);
  pair.Set(first, Napi::Number::New(env, fds[0]));
  pair.Set(second, Napi::Number::New(env, fds[1]));
  return pair;
}

// SOCK_SEQPACKET: one request is one packet, and the server sees the end when the last copy of our side closes.
Napi::Value createChannel(const Napi::CallbackInfo& info) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) throw systemError(info.Env(), "socketpair", errno);
  return fdPair(info.Env(), "requestFd", "childFd", fds);
}

// A full socket is waited for here: the packet is tiny and the server reads on as soon as it has forked.
void sendPacket(Napi::Env env, int socketFd, const msghdr& message) {
  while (sendmsg(socketFd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN) throw systemError(env, "sendmsg", errno);
    pollfd writable{socketFd, POLLOUT, 0};
    if (poll(&writable, 1, kSendTimeoutMs) == 0) throw systemError(env, "sendmsg", ETIMEDOUT);
  }
}

// sendRequest(requestFd, header, fds): the descriptors are duplicated into the packet; the caller keeps its copies.
Napi::Value sendRequest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int socketFd = fdArgument(info, 0);
  Napi::Buffer<uint8_t> header = bufferArgument(info, 1);
  Napi::Array list = info[2].As<Napi::Array>();
  std::vector<int> fds;
  for (uint32_t i = 0; i < list.Length(); i++) fds.push_back(list.Get(i).As<Napi::Number>().Int32Value());
  if (fds.size() > kRequestFdMax) throw Napi::RangeError::New(env, "too many descriptors in one request");

  iovec data{header.Data(), header.Length()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kRequestFdMax)] = {};
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  sendPacket(env, socketFd, message);
  return env.Undefined();
}

// createMemfd(bytes): sealed, so that the reader maps it without fearing a change.
Napi::Value createMemfd(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Buffer<uint8_t> bytes = bufferArgument(info, 0);
  Fd fd(memfd_create("tsbuild-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) throw systemError(env, "memfd_create", errno);
  for (size_t done = 0; done < bytes.Length();) {
    const ssize_t count = write(fd.get(), bytes.Data() + done, bytes.Length() - done);
    if (count < 0) throw systemError(env, "write", errno);
    done += static_cast<size_t>(count);
  }
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (fcntl(fd.get(), F_ADD_SEALS, seals) != 0) throw systemError(env, "fcntl", errno);
  return Napi::Number::New(env, fd.release());
}

// A real pipe, because a step must be able to open /dev/stdout, which fails on the socketpairs that Node makes.
Napi::Value createPipe(const Napi::CallbackInfo& info) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw systemError(info.Env(), "pipe2", errno);
  (void)fcntl(fds[1], F_SETPIPE_SZ, kPipeSizeBytes);  // best effort: beyond the user's quota it stays at 64 KiB
  return fdPair(info.Env(), "readFd", "writeFd", fds);
}

Napi::Value closeFd(const Napi::CallbackInfo& info) {
  Fd closed(fdArgument(info, 0));
  return info.Env().Undefined();
}

}  // namespace

Napi::Object initChannel(Napi::Env env, Napi::Object exports) {
  exports.Set("createChannel", Napi::Function::New(env, createChannel));
  exports.Set("sendRequest", Napi::Function::New(env, sendRequest));
  exports.Set("createMemfd", Napi::Function::New(env, createMemfd));
  exports.Set("createPipe", Napi::Function::New(env, createPipe));
  exports.Set("closeFd", Napi::Function::New(env, closeFd));
  return exports;
}
