# What `make fuzz` does, for GNU make, in the build folder: the house and the targets compiled by
# clang with sanitizers into fuzz/, seeds written, each target run. Variables come from fuzz.am.
#
# A finding stays in fuzz/found/; mend the fault and put the input into tests/corpus/NAME/.
# Memory comes from malloc, so that the sanitizer sees it; hence a config.h of its own.

flags = -std=gnu17 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
    -fno-sanitize-recover=undefined -pthread
objects = $(patsubst %.c,fuzz/%.o,$(filter %.c,$(sources)))
programs = $(targets:%=fuzz/fuzz_%)
defines = -Ifuzz/include -DHAVE_CONFIG_H -D__SANITIZE_ADDRESS__=1

run: $(programs) fuzz/seeds.made
	@mkdir -p fuzz/found
	@bad=; for t in $(targets); do \
	    mkdir -p fuzz/corpus/$$t; \
	    more=; test $$t = settings && more='$(top)/conf'; \
	    echo "== $$t, $(seconds) s"; \
	    ASAN_OPTIONS=allocator_may_return_null=1 fuzz/fuzz_$$t -max_total_time=$(seconds) \
	        -timeout=10 -rss_limit_mb=2048 -max_len=20000 -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=fuzz/found/$$t- fuzz/corpus/$$t fuzz/seeds/$$t \
	        $(top)/tests/corpus/$$t $$more || bad="$$bad $$t"; \
	done; \
	test -z "$$bad" || { echo "fuzz/found/ has findings of:$$bad" >&2; exit 1; }

fuzz/libfuzzed.a: $(objects)
	@rm -f $@
	@echo "  FUZZAR   $@"
	@ar cr $@ $^

fuzz/fuzz_%: $(top)/tests/fuzz_%.c $(top)/tests/fuzz.h $(top)/tests/fuzz_host.h fuzz/libfuzzed.a
	@echo "  FUZZLD   $@"
	@$(CC) $(flags) -fsanitize=fuzzer -DFUZZ_ALONE $(defines) $(cppflags) -o $@ $< \
	    fuzz/libfuzzed.a $(libs) -lm

fuzz/fuzz_seeds: $(top)/tests/fuzz_seeds.c $(top)/tests/fuzz_host.h fuzz/libfuzzed.a
	@echo "  FUZZLD   $@"
	@$(CC) $(flags) $(defines) $(cppflags) -o $@ $< fuzz/libfuzzed.a \
	    $(libs) -lm -fsanitize=fuzzer-no-link

fuzz/seeds.made: fuzz/fuzz_seeds
	mkdir -p $(targets:%=fuzz/seeds/%)
	fuzz/fuzz_seeds fuzz/seeds
	@touch $@

fuzz/proto/%_avx2.o fuzz/proto/gf64_clmul.o: more = -mavx2 -mbmi2 -mpclmul
fuzz/nn/conv_row_avx2.o fuzz/proto/ntt_avx2.o: more = -mavx2 -mfma
fuzz/proto/kernel_avx512.o: more = -mavx2 -mavx512f -mavx512dq
fuzz/proto/prf_aesni.o fuzz/proto/prf_vaes.o: more = -maes -mvaes -mavx2

fuzz/include/config.h: config.h
	@mkdir -p fuzz/include
	sed '/HAVE_JEMALLOC/d' config.h > $@

fuzz/%.o: $(top)/%.c fuzz/include/config.h
	@mkdir -p $(@D)
	@echo "  FUZZCC   $<"
	@$(CC) $(flags) -fsanitize=fuzzer-no-link $(defines) $(cppflags) $(more) -MMD -c -o $@ $<

-include $(objects:.o=.d)

.PHONY: run
