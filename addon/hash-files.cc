// Digests many files below a root on threads of its own.
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "background.h"
#include "below.h"

namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr unsigned kThreadsMax = 8;
constexpr size_t kDigestBytes = 32;

// Digests files; the first failure ends it.
class Hashing final : public BackgroundWork {
 public:
  Hashing(Fd root, std::vector<std::string> paths, unsigned threads)
      : root_(std::move(root)), paths_(std::move(paths)), threads_(threads), digests_(paths_.size() * kDigestBytes) {}

  void run() override {
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads_; i++) others.emplace_back([this] { work(); });
    work();
    for (std::thread& other : others) other.join();
  }

  void settle(Napi::Env env, Napi::Promise::Deferred deferred) override {
    if (error_ == 0) return deferred.Resolve(Napi::Buffer<char>::Copy(env, digests_.data(), digests_.size()));
    Napi::Error error = systemError(env, syscall_, error_, failedPath_);
    if (changed_) error.Set("code", Napi::String::New(env, "FILE_CHANGED"));
    deferred.Reject(error.Value());
  }

 private:
  void work() {
    std::vector<char> buffer(kReadBytes);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    while (context != nullptr && !stopped_.load(std::memory_order_relaxed)) {
      const size_t index = next_.fetch_add(1);
      if (index >= paths_.size()) break;
      hash(context, index, buffer);
    }
    EVP_MD_CTX_free(context);
  }

  void hash(EVP_MD_CTX* context, size_t index, std::vector<char>& buffer) {
    const std::string& path = paths_[index];
    // O_NONBLOCK: a fifo that took a file's place must not hang us.
    const Fd file = openBelow(root_.get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat before, after;
    if (!file.valid()) return stop("openat2", errno, path, false);
    if (fstat(file.get(), &before) != 0) return stop("fstat", errno, path, false);
    if (!S_ISREG(before.st_mode)) return stop("read", EBUSY, path, true);
    EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
    for (;;) {
      const ssize_t got = read(file.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return stop("read", errno, path, false);
      if (got == 0) break;
      EVP_DigestUpdate(context, buffer.data(), static_cast<size_t>(got));
    }
    EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digests_.data() + index * kDigestBytes), nullptr);
    if (fstat(file.get(), &after) != 0) return stop("fstat", errno, path, false);
    if (!same(before, after)) stop("read", EBUSY, path, true);
  }

  static bool same(const struct stat& a, const struct stat& b) {
    return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
           a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
  }

  void stop(const char* syscall, int error, const std::string& path, bool changed) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (stopped_.exchange(true)) return;
    syscall_ = syscall;
    error_ = error;
    failedPath_ = path;
    changed_ = changed;
  }

  Fd root_;
  std::vector<std::string> paths_;
  unsigned threads_;
  std::vector<char> digests_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  const char* syscall_ = "";
  int error_ = 0;
  bool changed_ = false;
  std::string failedPath_;
};

// hashFiles(root: Buffer, paths: Buffer[], threads: number) -> Promise<Buffer of 32 bytes for each path>
Napi::Value hashFiles(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Fd root = openRoot(env, bytesOf(info[0]));
  const auto list = info[1].As<Napi::Array>();
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < list.Length(); i++) paths.push_back(bytesOf(list.Get(i)));
  const unsigned threads = std::min(std::max(info[2].As<Napi::Number>().Uint32Value(), 1U), kThreadsMax);
  return BackgroundWork::start(env, "hashFiles", std::make_shared<Hashing>(std::move(root), std::move(paths), threads));
}

}  // namespace

// Called by directory.cc.
void initHashFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("hashFiles", Napi::Function::New(env, hashFiles, "hashFiles"));
}
