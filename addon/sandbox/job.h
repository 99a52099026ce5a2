// What the server (server.cc) gives to a job, and what a job reports.
//
// A job runs in a process of its own, forked from the server, single-threaded. It reads its specification and the
// descriptors that came with the request, works, and ends with exactly one of `succeed` and `fail`, which write one
// reply frame and _exit. A frame is at most PIPE_BUF (4096) bytes, so that frames of several jobs never mix.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fd.h"
#include "spec.h"

// Values are shared with src/native/helper.ts.
enum class JobKind : uint16_t {
  Run = 1,     // run.cc: one RUN step in its sandbox
  Commit = 2,  // commit.cc: upperdir -> canonical layer tar
  Apply = 3,   // apply.cc: layer tar -> directory usable as a lowerdir
  Copy = 4,    // copy.cc: COPY/ADD -> canonical layer tar
  Scan = 5,    // scan.cc: lists files below paths of a view
  Read = 6,    // read.cc: reads one file of a view
  Remove = 7,  // remove.cc: deletes a directory tree
  Extract = 8, // extract.cc: archive -> merged active snapshot (ADD of a tar)
  Export = 9,  // export.cc: a view's whole tree -> one plain tar (outputs of type local and tar)
  Park = 10,   // parking.cc: waits in the control groups of the next step
  Move = 11,   // give.cc: renames a tree, whatever its owner
  Give = 12,   // give.cc: changes owner and mode of one directory or socket
  Duplicate = 13,  // duplicate.cc: copies a snapshot's tree
  CompareTrees = 14,  // compare-trees.cc: the first difference between two trees
  Probe = 15,  // probe.cc: tries what steps need
  Stop = 100,  // server.cc: kills the job with the given id
};

struct Job {
  uint32_t id = 0;
  int replyFd = -1;      // pipe; close-on-exec
  std::vector<Fd> fds;   // as sent with the request, without the specification's memfd
};

// One frame: u32 length of what follows, u32 job id, u16 FrameType, body.
enum class FrameType : uint16_t {
  Succeeded = 1,  // body: the job's own result
  Failed = 2,     // body: u16 operation index, u32 errno, bytes operation, bytes syscall, bytes path, bytes detail
  Started = 3,    // run only: the command was exec'd; body: tracked stubs
  Exited = 4,     // run only, written by the server: u32 exit code, u32 signal, rusage (see server.cc)
  Warning = 5,    // bytes: one line for people
};

class FrameWriter {
 public:
  void u8(uint8_t v) { raw(&v, 1); }
  void u16(uint16_t v) { raw(&v, 2); }
  void u32(uint32_t v) { raw(&v, 4); }
  void u64(uint64_t v) { raw(&v, 8); }
  void bytes(std::string_view v) {
    u32(static_cast<uint32_t>(v.size()));
    raw(v.data(), v.size());
  }
  void append(const FrameWriter& other) { body_ += other.body_; }
  const std::string& body() const { return body_; }

 private:
  void raw(const void* data, size_t size) { body_.append(static_cast<const char*>(data), size); }
  std::string body_;
};

// Writes one frame; a body that would not fit in PIPE_BUF is cut (only details of failures can be that long).
void sendFrame(const Job& job, FrameType type, const FrameWriter& body);
// What the process does when a job ends by `fail`, or because nobody reads its frames: once, and it may fail itself.
void beforeEnd(std::function<void()> work);
void warn(const Job& job, std::string_view line);
[[noreturn]] void succeed(const Job& job, const FrameWriter& body);
// `error` is an errno value; `path` names the operand, in the root's terms where it lies in a root.
[[noreturn]] void fail(const Job& job, uint16_t operationIndex, std::string_view operation, std::string_view syscall,
                       int error, std::string_view path, std::string_view detail = {});

// The jobs. Each runs in the forked process and does not return.
[[noreturn]] void runCommit(Job& job, SpecReader& spec);
[[noreturn]] void runApply(Job& job, SpecReader& spec);
[[noreturn]] void runCopy(Job& job, SpecReader& spec);
[[noreturn]] void runScan(Job& job, SpecReader& spec);
[[noreturn]] void runRead(Job& job, SpecReader& spec);
[[noreturn]] void runRemove(Job& job, SpecReader& spec);
[[noreturn]] void runMove(Job& job, SpecReader& spec);
[[noreturn]] void runGive(Job& job, SpecReader& spec);
[[noreturn]] void runExtract(Job& job, SpecReader& spec);
[[noreturn]] void runExport(Job& job, SpecReader& spec);
[[noreturn]] void runDuplicate(Job& job, SpecReader& spec);
[[noreturn]] void runCompareTrees(Job& job, SpecReader& spec);
[[noreturn]] void runProbe(Job& job, SpecReader& spec);
[[noreturn]] void runPark(Job& job, SpecReader& spec);
