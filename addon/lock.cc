// Advisory locks on files: those of an open file description (fcntl(2), F_OFD_SETLK), gone with its last descriptor, also
// after SIGKILL. Unlike flock(2) they lock single bytes, so that one file holds a lock and the queue for it.
#include <fcntl.h>
#include <napi.h>

#include "system-error.h"

namespace {

struct flock lockOf(const Napi::CallbackInfo& info, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = info[1].As<Napi::Number>().Int64Value();
  lock.l_len = 1;
  return lock;
}

// tryLock(fd, byte, shared): true when the lock was taken, false when somebody else holds it. Never waits.
Napi::Value tryLock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  struct flock lock = lockOf(info, info[2].As<Napi::Boolean>().Value() ? F_RDLCK : F_WRLCK);
  while (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return Napi::Boolean::New(env, false);
    if (errno != EINTR) throw systemError(env, "fcntl", errno);
  }
  return Napi::Boolean::New(env, true);
}

// unlock(fd, byte)
Napi::Value unlock(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  struct flock lock = lockOf(info, F_UNLCK);
  if (fcntl(info[0].As<Napi::Number>().Int32Value(), F_OFD_SETLK, &lock) != 0) throw systemError(env, "fcntl", errno);
  return env.Undefined();
}

}  // namespace

Napi::Object initLock(Napi::Env env, Napi::Object exports) {
  exports.Set("tryLock", Napi::Function::New(env, tryLock));
  exports.Set("unlock", Napi::Function::New(env, unlock));
  return exports;
}
