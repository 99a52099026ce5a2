// See user-namespace.h.
#include "user-namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "fd.h"

namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ',') words.emplace_back();
    else words.back() += c;
  }
  return words;
}

int writeFile(const char* path, const std::string& text) {
  Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno;
  return write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

std::string mapLine(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

// The kernel lets everybody map one own id, if setgroups(2) is given up, by which one could leave a group that denies.
int mapOneId(const IdMaps& maps, const char** syscall) {
  *syscall = "write /proc/self/setgroups";
  int error = writeFile("/proc/self/setgroups", "deny");
  if (error != 0 && error != ENOENT) return error;
  *syscall = "write /proc/self/uid_map";
  error = writeFile("/proc/self/uid_map", mapLine(maps.uids));
  if (error != 0) return error;
  *syscall = "write /proc/self/gid_map";
  return writeFile("/proc/self/gid_map", mapLine(maps.gids));
}

// Runs in the mapping process. False when the program was not there or refused.
bool runMapProgram(const std::string& program, pid_t target, const std::vector<std::string>& words) {
  const pid_t pid = fork();
  if (pid == 0) {
    std::string number = std::to_string(target);
    std::vector<std::string> texts{program, number};
    texts.insert(texts.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (std::string& text : texts) argv.push_back(text.data());
    argv.push_back(nullptr);
    char* environment[] = {nullptr};
    execve(program.c_str(), argv.data(), environment);
    _exit(127);
  }
  int status = 0;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

// Runs in a child that stays in the caller's user namespace, where the set-user-ID programs have their privileges.
[[noreturn]] void mapFromOutside(const IdMaps& maps, pid_t target, int start) {
  char ignored;
  if (read(start, &ignored, 1) != 1) _exit(3);  // the other one could not make its namespace
  if (!runMapProgram(maps.uidProgram, target, maps.uids)) _exit(1);
  _exit(runMapProgram(maps.gidProgram, target, maps.gids) ? 0 : 2);
}

int enterWithPrograms(const IdMaps& maps, const char** syscall) {
  int ends[2];
  *syscall = "pipe2";
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  Fd start(ends[0]), go(ends[1]);
  const pid_t target = getpid();
  *syscall = "fork";
  const pid_t mapper = fork();
  if (mapper < 0) return errno;
  if (mapper == 0) {
    go.reset();
    mapFromOutside(maps, target, start.get());
  }
  *syscall = "unshare";
  int error = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
  if (error == 0 && write(go.get(), "1", 1) != 1) error = errno;
  go.reset();
  int status = 0;
  while (waitpid(mapper, &status, 0) < 0 && errno == EINTR) {
  }
  if (error != 0 || status == 0) return error;
  *syscall = WIFEXITED(status) && WEXITSTATUS(status) == 2 ? "newgidmap" : "newuidmap";
  return EPERM;
}

}  // namespace

IdMaps readIdMaps(char** arguments) { return {arguments[0], arguments[1], split(arguments[2]), split(arguments[3])}; }

int enterUserNamespace(const IdMaps& maps, const char** syscall) {
  const bool isRange = !maps.uidProgram.empty();
  if (isRange) {
    const int error = enterWithPrograms(maps, syscall);
    if (error != 0) return error;
  } else {
    *syscall = "unshare";
    if (unshare(CLONE_NEWUSER) != 0) return errno;
    const int error = mapOneId(maps, syscall);
    if (error != 0) return error;
  }
  *syscall = "setgroups";  // the user's groups are of no image
  if (isRange && setgroups(0, nullptr) != 0) return errno;
  *syscall = "setresgid";
  if (setresgid(0, 0, 0) != 0) return errno;
  *syscall = "setresuid";
  return setresuid(0, 0, 0) == 0 ? 0 : errno;
}
