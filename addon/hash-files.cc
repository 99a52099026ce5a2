// Reads what lstat does not tell of many files and directories below a root, on threads of its own: digests of contents,
// and extended attributes.
#include <openssl/evp.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "background.h"
#include "below.h"
#include "context-xattrs.h"
#include "sandbox/record.h"

namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr unsigned kThreadsMax = 8;
constexpr size_t kDigestBytes = 32;

struct Content {
  std::string digest = std::string(kDigestBytes, '\0');  // stays zero for a directory
  Xattrs xattrs;
};

// Reads files; the first failure ends it.
class Hashing final : public BackgroundWork {
 public:
  Hashing(Fd root, std::vector<std::string> paths, unsigned threads)
      : root_(std::move(root)), paths_(std::move(paths)), threads_(threads), contents_(paths_.size()) {}

  void run() override {
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads_; i++) others.emplace_back([this] { work(); });
    work();
    for (std::thread& other : others) other.join();
  }

  void settle(Napi::Env env, Napi::Promise::Deferred deferred) override {
    if (error_ == 0) return deferred.Resolve(pack(env));
    Napi::Error error = systemError(env, syscall_, error_, failedPath_);
    if (changed_) error.Set("code", Napi::String::New(env, "FILE_CHANGED"));
    deferred.Reject(error.Value());
  }

 private:
  Napi::Value pack(Napi::Env env) const {
    RecordWriter out;
    for (const Content& content : contents_) {
      out.buffer().append(content.digest);
      out.xattrs(content.xattrs);
    }
    return Napi::Buffer<char>::Copy(env, out.buffer().data(), out.buffer().size());
  }

  void work() {
    std::vector<char> buffer(kReadBytes);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    while (context != nullptr && !stopped_.load(std::memory_order_relaxed)) {
      const size_t index = next_.fetch_add(1);
      if (index >= paths_.size()) break;
      readOne(context, paths_[index], contents_[index], buffer);
    }
    EVP_MD_CTX_free(context);
  }

  void readOne(EVP_MD_CTX* context, const std::string& path, Content& content, std::vector<char>& buffer) {
    // O_NONBLOCK: a fifo that took a file's place must not hang us.
    const Fd file = openBelow(root_.get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat before, after;
    if (!file.valid()) return stop("openat2", errno, path, false);
    if (fstat(file.get(), &before) != 0) return stop("fstat", errno, path, false);
    if (!S_ISREG(before.st_mode) && !S_ISDIR(before.st_mode)) return stop("read", EBUSY, path, true);
    if (S_ISREG(before.st_mode)) {
      if (const int error = hash(context, file.get(), content, buffer)) return stop("read", error, path, false);
    }
    if (const int error = readContextXattrs(file.get(), buffer, content.xattrs)) return stop("fgetxattr", error, path, false);
    if (fstat(file.get(), &after) != 0) return stop("fstat", errno, path, false);
    if (!same(before, after)) stop("read", EBUSY, path, true);
  }

  static int hash(EVP_MD_CTX* context, int fd, Content& content, std::vector<char>& buffer) {
    EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
    for (;;) {
      const ssize_t got = read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno;
      if (got == 0) break;
      EVP_DigestUpdate(context, buffer.data(), static_cast<size_t>(got));
    }
    EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(content.digest.data()), nullptr);
    return 0;
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
  std::vector<Content> contents_;
  std::atomic<size_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  const char* syscall_ = "";
  int error_ = 0;
  bool changed_ = false;
  std::string failedPath_;
};

// hashFiles(root: Buffer, paths: Buffer[], threads: number) -> Promise<Buffer>: for each path 32 bytes of digest, zeros for
// a directory, and its xattrs (sandbox/record.h).
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
