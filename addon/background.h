// Work on a thread of its own whose end settles a promise. Bulk work never runs on libuv's four threads, which DNS, file
// system calls and zlib share.
#pragma once
#include <napi.h>

#include <functional>
#include <memory>
#include <thread>

// One piece of work. `run` is called on the thread and must not touch JavaScript; `settle` on the main thread afterwards.
class BackgroundWork {
 public:
  virtual ~BackgroundWork() = default;
  virtual void run() = 0;
  // Resolves or rejects.
  virtual void settle(Napi::Env env, Napi::Promise::Deferred deferred) = 0;

  // Starts the thread; the promise keeps Node alive until it settles.
  static Napi::Promise start(Napi::Env env, const char* name, std::shared_ptr<BackgroundWork> work) {
    auto deferred = Napi::Promise::Deferred::New(env);
    auto done = Napi::ThreadSafeFunction::New(env, Napi::Function(), name, 1, 1);
    std::thread([work, deferred, done]() mutable {
      work->run();
      // The environment may be closing down; then nobody waits any more.
      (void)done.NonBlockingCall([work, deferred](Napi::Env env, Napi::Function) {
        Napi::HandleScope scope(env);
        work->settle(env, deferred);
      });
      done.Release();
    }).detach();
    return deferred.Promise();
  }
};
