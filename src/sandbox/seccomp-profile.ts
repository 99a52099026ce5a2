/**
 * The seccomp policy of a RUN step as data: which system calls it may make. The same policy as Docker's default
 * profile (moby/profiles at 29.x, AF_ALG shut after CVE-2026-31431), so that what builds with Docker builds here.
 * It compiles nothing (`seccomp.ts` does) and knows no numbers (`syscall-numbers.ts` does). Start at `seccompProfile`.
 *
 * What is on no list is refused with EPERM, and with ENOSYS if it is newer than the profile: a C library then takes
 * its fallback instead of failing (as runc does). Rules for kernels older than 4.8 are left out: tsbuild needs 5.6.
 */
import type { SyscallTable } from './syscall-numbers.ts';

/** Values from `first` to `last`, both included. */
export type ValueRange = readonly [first: number, last: number];

/** Allows a call if `argument & mask` lies in one of the ranges. Without a mask all 64 bits count. */
export interface ArgumentRule {
  readonly index: 0 | 1 | 2 | 3 | 4 | 5;
  readonly mask?: number;
  /** Ascending, not overlapping; values of 32 bits. */
  readonly anyOf: readonly ValueRange[];
}

/** Which architectures one filter covers: the AUDIT_ARCH_* value of each, and whose numbers it uses. */
export interface FilterArchitecture {
  readonly auditArch: number;
  readonly table: SyscallTable;
}

/** As Node names them (`process.arch`). */
export type SeccompArchitecture = 'x64' | 'arm64';

/** The native architecture first. x32 shares x64's value; its numbers (bit 30 set) are above the table: ENOSYS. */
export const filterArchitectures: Readonly<Record<SeccompArchitecture, readonly FilterArchitecture[]>> = {
  x64: [
    { auditArch: 0xc000003e, table: 'x64' },
    { auditArch: 0x40000003, table: 'x86' },
  ],
  arm64: [
    { auditArch: 0xc00000b7, table: 'arm64' },
    { auditArch: 0x40000028, table: 'arm' },
  ],
};

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const files = words(`
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
  fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync
  flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
  ioctl lchown lchown32 link linkat listmount _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
  newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink
  readlinkat readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statmount
  statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
  utimensat_time64 utimes vmsplice write writev
`);
const extendedAttributes = words(`
  fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
  lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat
`);
const events = words(`
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2
  fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
  io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64
  select signalfd signalfd4
`);
const memory = words(`
  brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
  mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
  remap_file_pages
`);
const processes = words(`
  execve execveat exit exit_group fork vfork getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage
  getsid gettid get_robust_list get_thread_area ioprio_get ioprio_set kill pause pidfd_open pidfd_send_signal prctl
  prlimit64 restart_syscall rseq sched_getaffinity sched_getattr sched_getparam sched_get_priority_max
  sched_get_priority_min sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
  sched_setattr sched_setparam sched_setscheduler sched_yield setpgid setpriority setrlimit setsid set_robust_list
  set_thread_area set_tid_address sysinfo tgkill times tkill ugetrlimit uname uretprobe wait4 waitid waitpid
  futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
`);
const tracing = words('process_vm_readv process_vm_writev ptrace');
const identity = words(`
  capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
  getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32
  setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
`);
const sandboxing = words('landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp');
const signals = words(`
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
`);
const time = words(`
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
  timerfd_gettime64 timerfd_settime timerfd_settime64
`);
/** `socketcall` and `ipc` are 32-bit multiplexers: their arguments lie in memory, where no filter can look. */
const communication = words(`
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
  send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
  ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
  msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`);
const randomness = words('getrandom');

/** Allowed by the machine's own architecture, for its 32-bit programs as well. */
const machineSpecific: Readonly<Record<SeccompArchitecture, readonly string[]>> = {
  x64: words('arch_prctl modify_ldt'),
  arm64: words('arm_fadvise64_64 sync_file_range2 breakpoint cacheflush set_tls'),
};

/** Allowed as soon as the step has one of the capabilities that the kernel asks for anyway. */
const byCapability: Readonly<Record<string, readonly string[]>> = {
  CAP_BPF: words('bpf'),
  CAP_DAC_READ_SEARCH: words('open_by_handle_at'),
  CAP_PERFMON: words('perf_event_open'),
  CAP_SYSLOG: words('syslog'),
  CAP_SYS_ADMIN: words(`
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare
  `),
  CAP_SYS_BOOT: words('reboot'),
  CAP_SYS_CHROOT: words('chroot'),
  CAP_SYS_MODULE: words('delete_module finit_module init_module'),
  CAP_SYS_NICE: words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'),
  CAP_SYS_PACCT: words('acct'),
  CAP_SYS_PTRACE: words('kcmp pidfd_getfd process_madvise'),
  CAP_SYS_RAWIO: words('ioperm iopl'),
  CAP_SYS_TIME: words('clock_settime clock_settime64 settimeofday stime'),
  CAP_SYS_TTY_CONFIG: words('vhangup'),
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: no new namespaces, threads and forks as usual. */
const cloneNamespaceFlags = 0x7e020000;

const byArgument: Readonly<Record<string, ArgumentRule>> = {
  clone: { index: 0, mask: cloneNamespaceFlags, anyOf: [[0, 0]] },
  // PER_LINUX and PER_LINUX32, each with and without UNAME26; 0xffffffff asks without changing anything.
  personality: { index: 0, anyOf: [[0, 0], [0x8, 0x8], [0x20000, 0x20000], [0x20008, 0x20008], [0xffffffff, 0xffffffff]] },
  // Address families in use. Not DECnet, Econet, ATM SVC, IrDA, ISDN, CAIF, and above all neither AF_ALG (38:
  // CVE-2026-31431 writes to the page cache of image layers through it) nor AF_VSOCK (40: reaches hypervisors).
  socket: {
    index: 0,
    anyOf: [[0, 11], [13, 18], [21, 22], [24, 24], [26, 33], [35, 36], [39, 39], [41, 45]],
  },
};

/** Of steps that see the processes of others: a signal to one or a group, but not to all that there are (kill(2), -1). */
const killNotAll: ArgumentRule = { index: 0, mask: 0xffffffff, anyOf: [[0, 0xfffffffe]] };

/** A policy with its conditions resolved: every system call that is not simply refused. */
export interface SeccompProfile {
  readonly allowed: ReadonlySet<string>;
  readonly byArgument: ReadonlyMap<string, ArgumentRule>;
  /** Refused with ENOSYS: the C library then tries `clone`, whose flags the filter can see (clone3's lie in memory). */
  readonly missing: ReadonlySet<string>;
}

/**
 * Resolves the policy for one architecture and the step's capability set (`CAP_CHOWN` …), `sharesProcesses` for a step without
 * a pid namespace.
 */
export function seccompProfile(architecture: SeccompArchitecture, capabilities: ReadonlySet<string>, sharesProcesses = false): SeccompProfile {
  const allowed = new Set([
    ...files, ...extendedAttributes, ...events, ...memory, ...processes, ...tracing, ...identity, ...sandboxing,
    ...signals, ...time, ...communication, ...randomness, ...machineSpecific[architecture],
    ...[...capabilities].flatMap((capability) => byCapability[capability] ?? []),
  ]);
  if (sharesProcesses) allowed.delete('kill');
  return {
    allowed,
    byArgument: new Map(Object.entries(sharesProcesses ? { ...byArgument, kill: killNotAll } : byArgument).filter(([name]) => !allowed.has(name))),
    missing: new Set(allowed.has('clone3') ? [] : ['clone3']),
  };
}
