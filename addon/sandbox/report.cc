// Writes reply frames. A frame is written by one write(2) of at most PIPE_BUF bytes, which the kernel keeps whole, so
// that jobs and server share one pipe without a lock.
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "job.h"

namespace {

constexpr size_t kFrameHeaderBytes = 10;  // u32 length, u32 id, u16 type
constexpr size_t kTextMax = 1500;         // of a path or detail in a failure, so that both fit into a frame

template <typename Integer>
void put(char*& at, Integer value) {
  std::memcpy(at, &value, sizeof value);
  at += sizeof value;
}

std::function<void()> lastWork;

[[noreturn]] void end(int code) {
  if (const std::function<void()> work = std::exchange(lastWork, {})) work();
  _exit(code);
}

std::string_view shortened(std::string_view text) { return text.substr(0, kTextMax); }

}  // namespace

void beforeEnd(std::function<void()> work) { lastWork = std::move(work); }

void sendFrame(const Job& job, FrameType type, const FrameWriter& body) {
  char frame[PIPE_BUF];
  const size_t size = std::min(body.body().size(), sizeof frame - kFrameHeaderBytes);
  char* at = frame;
  put(at, static_cast<uint32_t>(size + kFrameHeaderBytes - sizeof(uint32_t)));
  put(at, job.id);
  put(at, static_cast<uint16_t>(type));
  std::memcpy(at, body.body().data(), size);
  const size_t total = kFrameHeaderBytes + size;
  while (write(job.replyFd, frame, total) < 0) {
    // Nobody reads any more: Node has died, and the server ends everything as soon as it sees that.
    if (errno != EINTR) end(1);
  }
}

void warn(const Job& job, std::string_view line) {
  FrameWriter body;
  body.bytes(line.substr(0, 2 * kTextMax));
  sendFrame(job, FrameType::Warning, body);
}

void succeed(const Job& job, const FrameWriter& body) {
  sendFrame(job, FrameType::Succeeded, body);
  _exit(0);
}

void fail(const Job& job, uint16_t operationIndex, std::string_view operation, std::string_view syscall, int error,
          std::string_view path, std::string_view detail) {
  FrameWriter body;
  body.u16(operationIndex);
  body.u32(static_cast<uint32_t>(error));
  body.bytes(operation);
  body.bytes(syscall);
  body.bytes(shortened(path));
  body.bytes(shortened(detail));
  sendFrame(job, FrameType::Failed, body);
  end(1);
}
