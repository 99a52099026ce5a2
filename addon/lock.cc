// Advisory locks on files: flock(2), which belongs to the open file description and is gone with its last descriptor,
// also after SIGKILL.
#include <napi.h>
#include <sys/file.h>

#include "system-error.h"

namespace {

// tryLock(fd, shared): true when the lock was taken, false when somebody else holds it. Never waits.
Napi::Value tryLock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int operation = info[1].As<Napi::Boolean>().Value() ? LOCK_SH : LOCK_EX;
  while (flock(fd, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Napi::Boolean::New(env, false);
    if (errno != EINTR) throw systemError(env, "flock", errno);
  }
  return Napi::Boolean::New(env, true);
}

}  // namespace

Napi::Object initLock(Napi::Env env, Napi::Object exports) {
  exports.Set("tryLock", Napi::Function::New(env, tryLock));
  return exports;
}
