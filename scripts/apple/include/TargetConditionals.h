// Apple's <TargetConditionals.h> for builds without an SDK: clang itself defines what it holds, TARGET_OS_IPHONE and the like.
#ifndef TARGET_OS_IPHONE
#error "clang 17 or later defines TARGET_OS_IPHONE for Apple's systems"
#endif
