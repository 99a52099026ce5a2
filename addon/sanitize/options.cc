// What the sanitizers do in the sandbox process, which is started without an environment. Only in the build of `npm run
// sanitize`. A report ends the process: its job, and with it the test, fails. Leaks are none of our business: every job's
// process ends with its job.
#ifndef TSBUILD_REPORTS
#error "TSBUILD_REPORTS is the name that reports begin with"
#endif

extern "C" const char* __asan_default_options() { return "detect_leaks=0:detect_stack_use_after_return=1:log_path=" TSBUILD_REPORTS; }
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1:log_path=" TSBUILD_REPORTS; }
