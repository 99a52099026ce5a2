// The list of what the addon exports; src/native/addon.ts gives it types.
#include <napi.h>

Napi::Object initChannel(Napi::Env env, Napi::Object exports);
Napi::Object initLock(Napi::Env env, Napi::Object exports);
Napi::Object initPump(Napi::Env env, Napi::Object exports);
Napi::Object initDirectory(Napi::Env env, Napi::Object exports);

static Napi::Object initModule(Napi::Env env, Napi::Object exports) {
  initChannel(env, exports);
  initLock(env, exports);
  initPump(env, exports);
  initDirectory(env, exports);
  return exports;
}

NODE_API_MODULE(tsbuild, initModule)
