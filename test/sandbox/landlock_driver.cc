// landlock_driver: prints the ABI, the result of landlockScopeAbstractSockets in a child, and what the child then
// reaches: the parent's abstract socket, its own one, and a socket with a path (argv[1]); errno values, 0 for success.
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../addon/sandbox/landlock.h"

// A leading '@' stands for the NUL of an abstract name.
static int attach(const char* name, int (*call)(int, const sockaddr*, socklen_t)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  if (name[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  const socklen_t size = offsetof(sockaddr_un, sun_path) + strlen(name) + (name[0] == '@' ? 0 : 1);
  if (call(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return -errno;
  if (call == bind) listen(fd, 4);
  return fd;
}
static int connectTo(const char* name) {
  const int fd = attach(name, connect);
  return fd < 0 ? -fd : 0;
}

int main(int, char** argv) {
  char host[64];
  char own[64];
  snprintf(host, sizeof host, "@tsbuild-host-%d", getpid());
  snprintf(own, sizeof own, "@tsbuild-own-%d", getpid());
  attach(host, bind);
  attach(argv[1], bind);
  const pid_t pid = fork();
  if (pid == 0) {
    const int result = landlockScopeAbstractSockets();
    attach(own, bind);
    printf("{\"abi\":%d,\"result\":%d,\"noNewPrivs\":%d,\"host\":%d,\"own\":%d,\"path\":%d}", landlockAbi(), result,
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), connectTo(host), connectTo(own), connectTo(argv[1]));
    return 0;
  }
  waitpid(pid, nullptr, 0);
}
