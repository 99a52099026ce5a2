// See answer.h. Runs in the server.
#include "answer.h"

#include <sys/wait.h>

namespace {

constexpr uint64_t kBlockBytes = 512;  // of ru_inblock and ru_oublock, whatever the file system

uint64_t microseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
}

}  // namespace

void writeFailed(const Job& job, std::string_view operation, std::string_view syscall, int error, std::string_view detail) {
  FrameWriter body;
  body.u16(0);
  body.u32(static_cast<uint32_t>(error));
  body.bytes(operation);
  body.bytes(syscall);
  body.bytes("");
  body.bytes(detail);
  sendFrame(job, FrameType::Failed, body);
}

void writeExited(const Job& job, int waitStatus, const rusage& usage) {
  FrameWriter body;
  body.u32(WIFEXITED(waitStatus) ? static_cast<uint32_t>(WEXITSTATUS(waitStatus)) : 0);
  body.u32(WIFSIGNALED(waitStatus) ? static_cast<uint32_t>(WTERMSIG(waitStatus)) : 0);
  body.u64(microseconds(usage.ru_utime));
  body.u64(microseconds(usage.ru_stime));
  body.u64(static_cast<uint64_t>(usage.ru_maxrss) * 1024);
  body.u64(static_cast<uint64_t>(usage.ru_inblock) * kBlockBytes);
  body.u64(static_cast<uint64_t>(usage.ru_oublock) * kBlockBytes);
  sendFrame(job, FrameType::Exited, body);
}
