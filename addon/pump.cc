// Moves bytes from one descriptor to another and digests them on the way, with Node's own OpenSSL, which uses the CPU's
// SHA instructions. Everything that goes into or comes out of the store passes here.
#include <fcntl.h>
#include <napi.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "background.h"
#include "sandbox/fd.h"
#include "system-error.h"

namespace {

constexpr size_t kBlockBytes = 1 << 20;

std::string toHex(const unsigned char* bytes, size_t size) {
  static const char digits[] = "0123456789abcdef";
  std::string hex;
  for (size_t i = 0; i < size; i++) {
    hex += digits[bytes[i] >> 4];
    hex += digits[bytes[i] & 15];
  }
  return hex;
}

// The ends are duplicates of the caller's descriptors, so that the caller may close its own at any time.
class Pump final : public BackgroundWork {
 public:
  Pump(Fd from, Fd to, Fd cancel, uint64_t sizeMax)
      : from_(std::move(from)), to_(std::move(to)), cancel_(std::move(cancel)), sizeMax_(sizeMax) {}

  void run() override {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) {
      failWith("EVP_DigestInit_ex", ENOMEM);
    } else if (copyAll(context)) {
      unsigned char digest[EVP_MAX_MD_SIZE];
      unsigned size = 0;
      EVP_DigestFinal_ex(context, digest, &size);
      hex_ = toHex(digest, size);
    }
    EVP_MD_CTX_free(context);
    // Readers and writers at the other ends must see the end now, not when JavaScript collects garbage.
    from_.reset();
    to_.reset();
  }

  void settle(Napi::Env env, Napi::Promise::Deferred deferred) override {
    if (error_ != 0) return deferred.Reject(systemError(env, syscall_, error_).Value());
    Napi::Object result = Napi::Object::New(env);
    result.Set("sha256", hex_);
    result.Set("sizeBytes", Napi::Number::New(env, static_cast<double>(size_)));
    deferred.Resolve(result);
  }

 private:
  bool copyAll(EVP_MD_CTX* context) {
    std::vector<char> block(kBlockBytes);
    for (;;) {
      const ssize_t got = readBlock(block);
      if (got <= 0) return got == 0;
      size_ += static_cast<uint64_t>(got);
      if (size_ > sizeMax_) return failWith("read", EFBIG);
      EVP_DigestUpdate(context, block.data(), static_cast<size_t>(got));
      if (to_.valid() && !writeAll(block.data(), static_cast<size_t>(got))) return false;
    }
  }

  // As much as the source has now, up to a block: pipes hand out little at a time, and each digest call has a cost.
  ssize_t readBlock(std::vector<char>& block) {
    for (;;) {
      pollfd sources[2] = {{from_.get(), POLLIN, 0}, {cancel_.get(), POLLIN, 0}};
      if (poll(sources, 2, -1) < 0 && errno != EINTR) return failWith("poll", errno), -1;
      if (sources[1].revents != 0) return failWith("read", ECANCELED), -1;
      const ssize_t got = read(from_.get(), block.data(), block.size());
      if (got >= 0) return got;
      if (errno != EINTR && errno != EAGAIN) return failWith("read", errno), -1;
    }
  }

  bool writeAll(const char* data, size_t size) {
    while (size > 0) {
      pollfd sinks[2] = {{to_.get(), POLLOUT, 0}, {cancel_.get(), POLLIN, 0}};
      if (poll(sinks, 2, -1) < 0 && errno != EINTR) return failWith("poll", errno);
      if (sinks[1].revents != 0) return failWith("write", ECANCELED);
      const ssize_t put = write(to_.get(), data, size);
      if (put < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (put < 0) return failWith("write", errno);
      data += put;
      size -= static_cast<size_t>(put);
    }
    return true;
  }

  bool failWith(const char* syscall, int error) {
    syscall_ = syscall;
    error_ = error;
    return false;
  }

  Fd from_, to_, cancel_;
  uint64_t sizeMax_;
  uint64_t size_ = 0;
  std::string hex_;
  const char* syscall_ = "";
  int error_ = 0;
};

Fd duplicate(Napi::Env env, int fd) {
  Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) throw systemError(env, "fcntl", errno);
  return copy;
}

// startPump(fromFd, toFd | -1, sizeMax) -> { done: Promise<{sha256, sizeBytes}>, cancel() }
Napi::Value startPump(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Fd from = duplicate(env, info[0].As<Napi::Number>().Int32Value());
  const int toFd = info[1].As<Napi::Number>().Int32Value();
  Fd to = toFd < 0 ? Fd() : duplicate(env, toFd);
  const double sizeMax = info[2].As<Napi::Number>().DoubleValue();
  Fd cancel(eventfd(0, EFD_CLOEXEC));
  if (!cancel.valid()) throw systemError(env, "eventfd", errno);
  auto canceler = std::make_shared<Fd>(duplicate(env, cancel.get()));
  auto pump = std::make_shared<Pump>(std::move(from), std::move(to), std::move(cancel), static_cast<uint64_t>(sizeMax));
  Napi::Object handle = Napi::Object::New(env);
  handle.Set("done", BackgroundWork::start(env, "pump", pump));
  handle.Set("cancel", Napi::Function::New(env, [canceler](const Napi::CallbackInfo&) {
               const uint64_t one = 1;
               // Only fails when the counter is full, and then it is canceled already.
               (void)!write(canceler->get(), &one, sizeof one);
             }));
  return handle;
}

}  // namespace

Napi::Object initPump(Napi::Env env, Napi::Object exports) {
  exports.Set("startPump", Napi::Function::New(env, startPump, "startPump"));
  return exports;
}
