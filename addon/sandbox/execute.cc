// The last operation: the step's process becomes the command. Runs with what the step is to have and nothing more.
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "operations.h"

namespace {

constexpr size_t kStubBytesMax = PIPE_BUF - 64;  // of one Started frame

// How many of the stubs from `first` on fit into one frame.
size_t countFitting(const std::vector<Stub>& stubs, size_t first) {
  size_t bytes = sizeof(uint32_t);
  size_t count = 0;
  for (; first + count < stubs.size(); count++) {
    bytes += sizeof(uint8_t) + sizeof(uint32_t) + stubs[first + count].path.size();
    if (bytes > kStubBytesMax) break;
  }
  return count;
}

// One or more Started frames: in each u32 count, then u8 directory and bytes path. Together they list the stubs in the
// order in which they were made.
void reportStubs(StepContext& step) {
  size_t next = 0;
  do {
    const size_t count = countFitting(step.stubs, next);
    if (count == 0 && next < step.stubs.size()) step.failWith("", ENAMETOOLONG, step.stubs[next].path);
    FrameWriter body;
    body.u32(static_cast<uint32_t>(count));
    for (const size_t end = next + count; next < end; next++) {
      body.u8(step.stubs[next].directory ? 1 : 0);
      body.bytes(step.stubs[next].path);
    }
    sendFrame(step.job, FrameType::Started, body);
  } while (next < step.stubs.size());
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::string_view pathVariable(const std::vector<std::string>& environment) {
  constexpr std::string_view kName = "PATH=";
  for (const std::string& entry : environment) {
    if (entry.starts_with(kName)) return std::string_view(entry).substr(kName.size());
  }
  return {};
}

// As execvp(3), but never by the shell, and with the PATH of the step. Returns the errno that says most: a file that
// cannot be executed is told apart from one that is nowhere.
int searchAndExecute(std::vector<char*>& argv, std::vector<char*>& environment, std::string_view path) {
  int denied = 0;
  while (!path.empty()) {
    const size_t colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
    const std::string file = std::string(directory.empty() ? "." : directory) + "/" + argv[0];
    execve(file.c_str(), argv.data(), environment.data());
    if (errno == EACCES) denied = EACCES;
    else if (errno != ENOENT && errno != ENOTDIR) return errno;
  }
  return denied != 0 ? denied : ENOENT;
}

// The server's process ignores and blocks nothing that a program would inherit; this makes sure of it.
void resetDispositions() {
  for (int signalNumber = 1; signalNumber < NSIG; signalNumber++) signal(signalNumber, SIG_DFL);
}

}  // namespace

// argv, environment.
void execute(StepContext& step) {
  std::vector<std::string> arguments = step.spec.strings();
  std::vector<std::string> environment = step.spec.strings();
  step.requireSpec();
  if (arguments.empty()) step.failWith("", EINVAL, "", "no command");
  std::vector<char*> argv = pointers(arguments);
  std::vector<char*> env = pointers(environment);
  resetDispositions();
  if (setsid() < 0 && errno != EPERM) step.failErrno("setsid", "");  // a session of its own: no terminal
  reportStubs(step);
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) step.failErrno("close_range", "");
  int error = ENOENT;
  if (arguments[0].find('/') == std::string::npos) {
    error = searchAndExecute(argv, env, pathVariable(environment));
  } else {
    execve(argv[0], argv.data(), env.data());
    error = errno;
  }
  step.failWith("execve", error, arguments[0]);
}
