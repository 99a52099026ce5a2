// Turns a failed system call into a JavaScript error with the fields of Node's own: code, errno, syscall, path.
#pragma once
#include <napi.h>

#include <cerrno>
#include <cstring>
#include <string>

inline Napi::Error systemError(Napi::Env env, const char* syscall, int error, const std::string& path = {}) {
  std::string name = strerrorname_np(error) != nullptr ? strerrorname_np(error) : std::to_string(error);
  std::string message = name + ": " + std::strerror(error) + ", " + syscall;
  if (!path.empty()) message += " '" + path + "'";
  Napi::Error result = Napi::Error::New(env, message);
  result.Set("code", Napi::String::New(env, name));
  result.Set("errno", Napi::Number::New(env, -error));
  result.Set("syscall", Napi::String::New(env, syscall));
  if (!path.empty()) result.Set("path", Napi::String::New(env, path));
  return result;
}
