"""Every fact and trap of the handbook's page on G-code firmware, with the tests that name it.

One entry is `id: (what it says in short, "file::test file::test")`; files and tests without the `test_` in front. One
without a test begins its second part with "none: " and says why. `test_firmware_facts` looks whether the tests are
there.
"""

from typing import Final

Facts = dict[str, tuple[str, str]]

MARLIN: Final[Facts] = {
    "marlin.numbered-line": (
        "N<n> <cmd>*<xor of all before the star>, last + 1",
        "marlin_wire::the_checksum_is_the_xor_of_all_before_the_star "
        "sim_marlin::numbered_lines_are_checked_and_acknowledged",
    ),
    "marlin.unnumbered-line": (
        "always accepted without checks",
        "sim_marlin::unnumbered_lines_are_always_accepted",
    ),
    "marlin.m110": (
        "sets the counter; a second N inside the line wins",
        "sim_marlin::m110_sets_the_line_number_with_a_second_n_or_without_a_number "
        "marlin_session::a_damaged_m110_begins_the_greeting_anew",
    ),
    "marlin.error-lines": (
        "checksum mismatch, Line Number is not Last Line Number+1, No Checksum with line number",
        "marlin_wire::a_complaint_about_a_line_is_no_fault_of_the_machine "
        "sim_marlin::every_bad_line_is_answered_with_the_triple",
    ),
    "marlin.resend": (
        "the RX buffer is emptied; the ok behind a Resend acknowledges nothing, and some versions print none",
        "marlin_wire::the_ok_behind_a_resend_request_acknowledges_nothing "
        "marlin_wire::a_firmware_that_prints_no_ok_behind_its_request_is_waited_for_a_few_times_only "
        "sim_marlin_troubles::some_versions_say_no_ok_behind_a_resend",
    ),
    "marlin.in-flight-lost": (
        "all lines behind the bad one go again; their own requests are ignored",
        "marlin_window::all_behind_a_damaged_line_goes_again_and_their_own_requests_are_waited_out "
        "sim_marlin::each_line_in_flight_behind_a_bad_one_asks_for_the_same_line_again",
    ),
    "marlin.resend-variants": (
        "Resend:N, Resend: N, rs N, Teacup's, and Repetier's said twice",
        "marlin_wire::every_way_to_ask_for_a_line_is_understood "
        "marlin_dialects::repetier_says_its_request_twice_and_is_answered_once",
    ),
    "marlin.line-too-long": (
        "characters beyond 95 vanish: a numbered line is asked for for ever, so refuse it before",
        "marlin_session::a_line_too_long_for_the_firmware_is_refused_before_it_is_sent "
        "sim_marlin::an_over_long_numbered_line_is_asked_for_for_ever",
    ),
    "marlin.rx-overflow": (
        "bytes beyond the buffer are lost silently; no more in flight than slots and buffer take",
        "marlin_window::bytes_under_way_never_fill_the_receive_buffer "
        "sim_marlin::bytes_beyond_the_receive_buffer_are_lost_silently",
    ),
    "marlin.ok-timing": (
        "a G1 is acknowledged when planned; the ok of M400 means that motion is over",
        "marlin_session::an_acknowledged_line_is_not_an_executed_one "
        "sim_marlin::a_move_is_acknowledged_when_planned_and_m400_when_made",
    ),
    "marlin.advanced-ok": (
        "ok N P B; only N is useful to steer by",
        "marlin_wire::an_ok_with_a_number_acknowledges_that_line_only "
        "marlin_window::the_window_grows_to_the_command_slots_that_advanced_ok_shows_and_no_further "
        "marlin_window::a_planner_that_is_half_full_leads_to_an_estimate_and_proves_nothing",
    ),
    "marlin.multi-line-answers": (
        "M105 sends its own ok; Repetier says ok first and the output later",
        "marlin_wire::an_m105_of_the_program_itself_is_acknowledged_by_temperatures "
        "marlin_dialects::repetier_says_ok_before_the_output_and_the_output_is_the_seal",
    ),
    "marlin.keepalive": (
        "echo:busy every 2 s; while paused for user nothing else is read",
        "marlin_wire::busy_extends_the_patience_without_end "
        "marlin_person::a_wait_of_the_firmware_itself_is_a_question_too "
        "sim_marlin::busy_comes_every_two_seconds_or_as_m113_says",
    ),
    "marlin.wait": (
        "proof that an ok was lost",
        "marlin_wire::wait_proves_that_something_was_lost marlin_wire::wait_means_nothing_when_nothing_is_under_way",
    ),
    "marlin.start": (
        "the first line after any reset; the counter is 0, the position unknown, heaters off",
        "marlin_session::a_start_in_the_middle_is_a_reset marlin_session::a_start_after_noise_is_a_start "
        "sim_marlin::the_first_line_after_any_reset_is_start",
    ),
    "marlin.m115": (
        "name, UUID, capabilities, area",
        "marlin_session::identity_is_machine_type_and_uuid_or_the_firmware_name "
        "marlin_dialects::the_dialect_follows_from_what_m115_says sim_marlin::m115_lists_capabilities_and_the_area",
    ),
    "marlin.auto-reports": (
        "asynchronous, no ok; polling is discouraged",
        "marlin_session::temperatures_are_asked_for_where_they_do_not_come_by_themselves "
        "sim_marlin::auto_reports_begin_with_a_space_and_come_between_any_two_lines",
    ),
    "marlin.m114": (
        "reports the projected position, no proof of where the head is",
        "sim_marlin::positions_relative_shifted_and_bounded_once_homed "
        "sim_serial_arm::marlin_acknowledges_a_move_when_it_is_planned_and_tells_where_it_will_end",
    ),
    "marlin.starvation-telemetry": (
        "M576 counts underruns",
        "sim_marlin_troubles::the_firmware_counts_its_own_starvation",
    ),
    "marlin.cold-extrusion": (
        "an echo, not an error; a host must promote it to a fault",
        "marlin_session::extrusion_that_is_only_echoed_is_promoted_to_a_fault "
        "sim_marlin::cold_extrusion_is_an_echo_and_an_ok_and_e_counts_on",
    ),
    "marlin.thermal-faults": (
        "Heating failed, Thermal Runaway, MAXTEMP, MINTEMP, then Printer halted",
        "marlin_session::thermal_faults_end_everything "
        "sim_marlin_troubles::a_thermal_fault_is_said_then_kill_and_then_nothing",
    ),
    "marlin.kill": (
        "answers nothing until a reset",
        "marlin_session::clear_of_a_printer_that_nobody_has_reset_ends_in_silence "
        "marlin_session::after_a_halt_only_a_person_brings_the_printer_back",
    ),
    "marlin.stop": (
        "M999: heat off, motion refused, everything else acknowledged",
        "marlin_leaving::a_printer_that_stopped_itself_is_told_to_go_on_when_a_person_clears "
        "sim_marlin_troubles::stop_turns_heat_off_and_refuses_motion_until_m999",
    ),
    "marlin.m112": (
        "raw first, then numbered, newline in front; a numbered one waits in the queue without the parser",
        "marlin_session::halt_goes_out_raw_and_numbered_behind_a_newline_while_a_line_is_blocking "
        "sim_marlin::m112_at_the_start_of_a_line_acts_as_soon_as_a_slot_is_free "
        "sim_marlin::the_emergency_parser_acts_at_once_numbered_or_not",
    ),
    "marlin.m410": (
        "quick stop without braking: the position is lost",
        "sim_marlin::m410_forgets_the_queue_and_takes_a_second "
        "serial_arm::halt_of_an_arm_without_realtime_bytes_begins_with_a_new_line",
    ),
    "marlin.host-actions": (
        "//action: pause, resume, cancel, prompts answered with M876",
        "marlin_session::a_printer_that_asks_for_a_pause_gets_a_hold "
        "marlin_person::a_dialogue_of_the_firmware_is_answered_by_the_number_of_the_button",
    ),
    "marlin.quirks": (
        "Repetier and Malyan always number, Malyan says NAME., Klipper acknowledges unknown commands, Prusa numbers",
        "marlin_dialects::malyan_names_itself_without_the_word_firmware "
        "marlin_dialects::prusas_firmware_is_met_as_marlin_1_with_a_name_of_its_own",
    ),
}

GRBL: Final[Facts] = {
    "grbl.rx-buffer": (
        "128 bytes, newline counted, one less is used; read from $I",
        "grbl_session::at_most_one_byte_less_than_the_buffer_is_outstanding "
        "grbl_contact::a_buffer_size_that_was_damaged_on_its_way_is_not_believed",
    ),
    "grbl.overflow": (
        "a byte at a full buffer is discarded silently",
        "grbl_window::the_buffer_never_overflows_and_every_line_arrives_once_and_in_order "
        "sim_grbl::bytes_beyond_128_are_lost_silently",
    ),
    "grbl.planner-line": (
        "15 blocks, 80 characters, error:11 above",
        "sim_grbl::a_line_over_eighty_characters_is_error_11_once grbl_session::a_line_of_79_characters_goes_out",
    ),
    "grbl.response": (
        "one ok or error for each newline; start-up lines do not count",
        "sim_grbl::every_line_gets_exactly_one_answer_empty_ones_too "
        "grbl_contact::start_up_lines_are_not_counted_as_answers",
    ),
    "grbl.character-counting": (
        "lines in RX still run after an error; vet with $C first",
        "grbl_vet::a_program_is_played_in_check_mode_and_then_runs_from_a_fresh_start "
        "grbl_session::an_error_holds_the_machine_at_once_and_a_run_of_them_is_one_fault",
    ),
    "grbl.eeprom": (
        "drain before lines that touch the memory, wait for their ok",
        "grbl_session::lines_that_touch_the_settings_memory_go_out_alone "
        "grbl_window::dwells_and_lines_that_touch_the_memory_are_told_apart",
    ),
    "grbl.realtime": (
        "not buffered, not counted; act inside comments too; others above 0x7F are thrown away",
        "grbl_operator::realtime_bytes_overtake_lines_and_are_not_counted "
        "sim_grbl::realtime_bytes_act_inside_lines_and_comments sim_grbl::other_bytes_above_127_are_thrown_away "
        "preflight::no_byte_that_a_controller_obeys_passes_anywhere",
    ),
    "grbl.poll-rate": (
        "at most 5 Hz; several questions are one; none while homing",
        "grbl_session::it_asks_every_two_seconds_at_rest_and_five_times_a_second_at_work "
        "sim_grbl::several_questions_at_once_are_answered_once",
    ),
    "grbl.status": (
        "only the first two fields are sure; WCO and Ov come now and then; Bf is no flow control",
        "grbl_facts::fields_of_a_report_come_in_any_order_and_unknown_ones_are_ignored "
        "grbl_facts::two_fields_are_enough_and_the_position_may_be_that_of_the_work "
        "sim_grbl::wco_and_overrides_are_in_only_some_reports",
    ),
    "grbl.states": (
        "Hold:1 still moves; a reset in it is ALARM:3",
        "grbl_facts::what_a_report_amounts_to sim_grbl::a_reset_in_motion_is_alarm_3_and_takes_a_moment",
    ),
    "grbl.dwell": (
        "Idle during G4: Idle alone is not the end",
        "grbl_session::idle_is_not_the_end_of_a_program_during_a_dwell_or_from_an_older_question",
    ),
    "grbl.banner": (
        "counters to zero, the job is dead; leaving $C also resets",
        "grbl_session::a_reset_nobody_asked_for_ends_the_session "
        "sim_grbl::check_mode_checks_without_moving_and_ends_with_a_reset",
    ),
    "grbl.alarms": (
        "1 and 2 block everything until 0x18; others: $X or $H",
        "grbl_session::an_alarm_acknowledges_nothing_and_silence_after_it_is_not_a_lost_link "
        "grbl_facts::every_documented_error_and_alarm_of_grbl_has_a_meaning",
    ),
    "grbl.errors": (
        "36 codes",
        "grbl_facts::every_documented_error_and_alarm_of_grbl_has_a_meaning",
    ),
    "grbl.stop": (
        "hold, wait for Hold:0, then 0x18: the position is kept",
        "grbl_session::stop_keeps_the_position_and_is_ready_again "
        "grbl_session::halt_resets_at_a_stand_and_then_waits_to_be_cleared "
        "sim_grbl::hold_then_reset_keeps_the_position",
    ),
    "grbl.jog": (
        "$J= always with F; 0x85 cancels, not !",
        "grbl_operator::a_jog_always_has_a_feed_and_changes_no_mode "
        "grbl_operator::jog_cancel_is_one_raw_byte_and_empties_the_counters",
    ),
    "grbl.door": (
        "Door:1 ajar, Door:0 ready, resume with ~; homing alarms",
        "grbl_session::the_door_holds_with_its_reason_and_nothing_resumes_while_it_is_open "
        "sim_grbl::an_open_door_is_ajar_until_it_is_shut",
    ),
    "grbl.probe": (
        "[PRB:] in machine coordinates; after ALARM:4/5 the line still gets its answer",
        "grbl_operator::the_result_of_a_probe_is_kept_in_machine_coordinates "
        "grbl_operator::after_a_probe_alarm_the_probing_line_still_gets_its_answer_which_counts_for_nothing",
    ),
    "grbl.undetectable-loss": (
        "dropped bytes merge lines: missing oks, Ln gaps, echo builds",
        "grbl_window::two_numbered_lines_that_noise_has_merged_are_refused_by_the_controller "
        "grbl_window::a_line_that_is_repeated_otherwise_was_damaged_and_stops_the_program "
        "grbl_course::a_machine_that_stands_elsewhere_had_a_line_damaged_that_nobody_else_could_see",
    ),
    "grbl.end-of-job": (
        "M2/M30 restores modal defaults",
        "sim_grbl::m2_ends_the_program_and_restores_modes",
    ),
}

GRBLHAL: Final[Facts] = {
    "grblhal.sizes": (
        "RX 1,024; told by $I",
        "grbl_contact::grblhal_says_so_and_tells_a_greater_buffer",
    ),
    "grblhal.codes": (
        "texts are read from the device ($EEG, $EAG, $ESG)",
        "grbl_contact::texts_of_errors_alarms_and_settings_are_those_of_the_machine "
        "grbl_facts::what_grblhal_adds_is_known_and_ten_means_another_thing_there",
    ),
    "grblhal.e-stop": (
        "Alarm:10; 0x18 is refused while the input is asserted",
        "grbl_session::a_reset_that_is_refused_by_the_e_stop_input_says_so",
    ),
    "grblhal.tool": (
        "0xA3, then cycle start; other motion is error:40",
        "grbl_operator::a_tool_change_asks_a_person_and_goes_on_with_cycle_start "
        "grbl_operator::a_motion_while_a_tool_change_is_pending_is_error_40",
    ),
    "grblhal.realtime": (
        "0x19 and 0x85 empty the buffer: zero the counters",
        "grbl_operator::bytes_that_empty_the_buffer_of_grblhal_zero_the_counters",
    ),
    "grblhal.utf8": (
        "realtime bytes are raw bytes",
        "grbl_facts::realtime_bytes_are_single_and_raw serial_link::every_byte_value_goes_through_unchanged_both_ways",
    ),
    "grblhal.reports": (
        "many more fields; auto-reports",
        "grbl_facts::overrides_accessories_and_the_pendant_are_read "
        "grbl_session::reports_that_come_by_themselves_do_not_keep_it_from_asking",
    ),
    "grblhal.inputs": (
        "a bare board starts in alarm",
        "grbl_contact::a_machine_locked_at_power_up_moves_only_when_a_person_clears_it",
    ),
    "grblhal.free-bytes": (
        "reported free bytes are not to be steered by",
        "grbl_window::the_buffer_never_overflows_and_every_line_arrives_once_and_in_order",
    ),
}

OTHERS: Final[Facts] = {
    "klipper.lines": (
        "no numbers, no resend, M115 on one line with the ok",
        "marlin_dialects::klipper_answers_m115_on_one_line_with_the_ok_and_numbers_are_left_out_from_there "
        "marlin_dialects::nothing_is_ever_said_twice_to_klipper_and_a_macro_may_take_its_time",
    ),
    "klipper.errors": (
        "!! and then still ok",
        "marlin_dialects::an_error_of_klipper_is_followed_by_an_ok_all_the_same",
    ),
    "klipper.not-ready": (
        "M105 while not ready is ok T:0",
        "marlin_dialects::a_klipper_that_is_not_ready_does_not_count_as_at_rest",
    ),
    "klipper.back-pressure": (
        "at 20 commands it stops reading",
        "marlin_dialects::klippers_pseudo_terminal_holds_back_by_itself_and_the_window_grows",
    ),
    "rrf.dropped": (
        "a line with a bad checksum is dropped with no answer: time out and resend",
        "marlin_dialects::a_line_that_reprapfirmware_dropped_without_a_word_is_sent_again "
        "marlin_dialects::what_must_not_be_done_twice_is_left_to_a_person",
    ),
    "rrf.crc16": ("5 digits behind the star are a CRC16", "none: nothing of ours sends or asks for CRC16"),
    "smoothie.resend": (
        "rs N<k>, no ok behind it",
        "marlin_dialects::smoothie_asks_with_rs_and_prints_no_ok_behind_it",
    ),
    "smoothie.oks": (
        "an ok for each command group of a line",
        "marlin_dialects::an_ok_for_each_command_of_a_line_is_avoided_by_one_line_for_each_command",
    ),
    "smoothie.halt": (
        "!! to every line until M999",
        "marlin_dialects::a_halted_smoothie_answers_every_line_with_two_marks "
        "marlin_dialects::the_error_of_one_command_is_the_end_of_the_program",
    ),
    "smoothie.realtime": (
        "0x18 is realtime",
        "marlin_dialects::smoothie_is_halted_by_a_realtime_byte_before_any_line",
    ),
    "smoothie.reading": (
        "the host must keep reading",
        "serial_link::what_the_kernel_does_not_take_waits_and_keeps_its_order",
    ),
}

SEEN: Final[Facts] = {
    "seen.grbl.resume-dropped": (
        "~ while it brakes is dropped",
        "grbl_session::hold_waits_for_hold_0_and_resume_is_repeated_when_it_was_dropped "
        "sim_grbl::a_hold_brakes_and_a_resume_while_it_brakes_is_dropped "
        "serial_arm::a_grbl_arm_holds_at_once_and_its_line_is_awaited_again_when_it_goes_on",
    ),
    "seen.grbl.soft-limit": (
        "ALARM:2, Reset to continue, then silence until 0x18",
        "sim_grbl::a_soft_limit_is_alarm_2_and_silence_until_a_reset "
        "grbl_vet::a_soft_limit_is_found_before_anything_moves_and_the_machine_is_mute_until_it_is_reset",
    ),
    "seen.grbl.late-ok": (
        "one ok just before the banner belongs to nothing",
        "grbl_contact::a_board_that_runs_on_is_reset_at_a_stand_and_the_late_ok_belongs_to_nothing "
        "grbl_contact::homing_that_fails_says_why_and_its_ok_and_banner_belong_to_nothing",
    ),
    "seen.grbl.homing-silent": (
        "no report during $H",
        "sim_grbl::homing_is_silent_and_answers_once_at_its_end "
        "serial_arm::an_arm_that_homes_may_be_silent_for_as_long_as_homing_takes",
    ),
    "seen.grbl.reset-at-stand": (
        "banner only, no alarm",
        "sim_grbl::a_reset_at_a_stand_is_a_banner_only",
    ),
    "seen.grbl.check-mode": (
        "$C off makes a soft reset",
        "sim_grbl::check_mode_checks_without_moving_and_ends_with_a_reset",
    ),
    "seen.grbl.homing-lock": (
        "$22=1 does not lock the running machine",
        "sim_grbl::homing_enabled_does_not_lock_the_running_machine",
    ),
    "seen.grbl.jog": (
        "no F: error:22; 0x85 goes to Idle without a word",
        "sim_grbl::a_jog_needs_its_feed_keeps_inside_and_is_cancelled_without_a_word",
    ),
    "seen.grbl.small-answers": (
        "blank line ok, over-long error:11, no such setting error:3",
        "sim_grbl::what_grbl_refuses_it_refuses_by_number_and_forgets",
    ),
    "seen.grbl.g4-barrier": (
        "the ok of G4 is a motion barrier",
        "sim_grbl::g4_reads_idle_and_its_ok_is_a_barrier "
        "serial_arm::a_barrier_of_a_grbl_arm_is_proved_by_a_report_that_it_stands",
    ),
    "seen.grbl.uncounted": (
        "only missing oks tell of an overflow",
        "grbl_session::a_lost_ok_is_a_fault_and_nothing_is_sent_again",
    ),
    "seen.grbl.opt": ("blocks and bytes from $I", "sim_grbl::build_info_tells_blocks_and_bytes"),
    "seen.grblhal.sticky": (
        "one bad line fails all until a blank line",
        "grbl_vet::a_sticky_error_of_grblhal_is_cleared_by_the_blank_line_before_a_program "
        "grbl_session::an_error_holds_the_machine_at_once_and_a_run_of_them_is_one_fault",
    ),
    "seen.grblhal.crlf": (
        "send LF only",
        "grbl_window::the_buffer_never_overflows_and_every_line_arrives_once_and_in_order "
        "serial_arm::a_line_ends_with_a_newline_only",
    ),
    "seen.grblhal.soft-limits": (
        "bind homed axes only: H:0",
        "none: what pre-flight checks against is the machine's own limits, homed or not",
    ),
    "seen.grblhal.stale-feed": (
        "FS is no stand-still test",
        "grbl_facts::what_a_report_amounts_to serial_arm::a_report_of_speed_is_no_proof_that_an_arm_moves",
    ),
    "seen.grblhal.empty-msg": (
        "an empty [MSG:] on resume; settings can be decimal",
        "grbl_facts::texts_that_are_damaged_are_left_out",
    ),
    "seen.marlin.triple": (
        "Error, Resend, ok; the ok acknowledges nothing",
        "sim_marlin::every_bad_line_is_answered_with_the_triple "
        "marlin_wire::the_ok_behind_a_resend_request_acknowledges_nothing",
    ),
    "seen.marlin.pipelining": (
        "each line behind a bad one has a triple of its own",
        "marlin_window::when_all_that_was_under_way_has_asked_nothing_is_waited_for",
    ),
    "seen.marlin.repeated-number": (
        "an old number is an error with a resend",
        "marlin_wire::several_copies_of_a_line_are_all_refused_before_the_next_one_goes_out",
    ),
    "seen.marlin.empty-lines": (
        "get no ok: strip them",
        "sim_marlin::empty_and_comment_lines_get_no_ok "
        "serial_shell::a_program_runs_from_idle_to_complete_and_the_next_reset_makes_idle",
    ),
    "seen.marlin.over-long": (
        "cut at 95 and executed",
        "sim_marlin::an_over_long_line_is_cut_and_executed_with_a_plain_ok",
    ),
    "seen.marlin.unknown": (
        "echo and ok; lower case is unknown",
        "sim_marlin::unknown_and_lower_case_commands_are_echoed_and_acknowledged "
        "marlin_session::an_unknown_command_is_an_echo_and_no_fault "
        "serial_arm::a_line_that_an_arm_does_not_know_is_a_fault_though_it_is_acknowledged",
    ),
    "seen.marlin.endstops": (
        "software endstops only once homed",
        "sim_marlin::positions_relative_shifted_and_bounded_once_homed",
    ),
    "seen.marlin.homing": (
        "16 s of busy, a position, then ok",
        "sim_marlin::homing_is_busy_for_sixteen_seconds_then_reports_then_ok",
    ),
    "seen.marlin.m112-waits": (
        "behind a blocking move without the parser",
        "sim_marlin::m112_in_the_queue_waits_behind_what_blocks",
    ),
    "seen.marlin.auto-report": (
        "begins with a space, between any two lines",
        "sim_marlin::auto_reports_begin_with_a_space_and_come_between_any_two_lines",
    ),
    "seen.marlin.m410-slow": (
        "takes over a second at a stand",
        "sim_marlin::m410_forgets_the_queue_and_takes_a_second "
        "sim_serial_arm::m410_stands_still_at_once_and_keeps_the_grip_and_m112_lets_everything_go",
    ),
    "seen.marlin.anonymous-ok": (
        "nothing says which command an ok is for",
        "marlin_wire::an_ok_that_was_only_late_does_not_let_every_line_be_said_twice "
        "marlin_session::acknowledgements_of_an_earlier_connection_are_found_out_by_the_seal "
        "serial_arm::an_answer_to_something_older_is_not_taken_for_the_last_one",
    ),
    "seen.virtual-printer": (
        "wait every second; M105 and M114 on one line with ok; one line a write",
        "none: OctoPrint's virtual printer is no machine of ours; its forms of answers are in marlin_wire",
    ),
    "seen.linuxcncrsh": ("set and get, 0.5 s a set", "none: there is no driver for LinuxCNC"),
}

COMMON: Final[Facts] = {
    "common.dtr": (
        "opening the port resets many boards: position unknown",
        "marlin_session::a_board_that_boots_is_greeted_when_it_has_gone_quiet "
        "grbl_contact::a_board_that_resets_when_the_port_opens_is_met_by_its_banner "
        "serial_arm::a_board_that_has_just_begun_anew_goes_home_before_it_is_ready_and_only_when_a_person_clears_it",
    ),
    "common.wrong-cable": (
        "identity over the protocol after every open",
        "marlin_leaving::a_cable_in_the_wrong_socket_is_refused_and_the_stranger_is_left_alone "
        "grbl_contact::a_cable_in_the_wrong_socket_is_refused serial_arm::another_arm_on_the_cable_is_refused",
    ),
    "common.exclusive": (
        "one program has the port",
        "serial_link::a_port_serves_one_program_at_a_time_and_is_free_again_after_closing",
    ),
    "common.replug": (
        "the same machine under another name",
        "usb::a_machine_keeps_its_address_when_it_comes_back_under_another_name "
        "usb::a_machine_that_is_plugged_in_again_is_met_within_two_seconds_whatever_the_back_off",
    ),
    "common.isolation": (
        "a flooding, stuck or dead port delays nobody",
        "isolation::a_machine_is_answered_in_time_while_another_one_floods_and_a_third_takes_nothing",
    ),
    "common.noise": (
        "bit flips, dropped and merged bytes, lost oks, resets, cuts",
        "serial_arm_battle::a_carry_ends_in_its_named_state_and_no_motion_is_told_twice faults::a_plan_is_one_integer",
    ),
}

ARMS: Final[Facts] = {
    "arm.bounded": (
        "pick and place are bounded sequences",
        "serial_arm::a_pick_that_takes_too_long_is_a_fault_though_the_arm_says_that_it_moves "
        "serial_arm::a_line_that_is_refused_or_not_acknowledged_is_a_fault_and_said_once",
    ),
    "arm.taught": (
        "positions by name in the config",
        "serial_arm::what_was_taught_is_compared_with_the_places_in_reach "
        "serial_arm::every_taught_pose_that_is_out_of_reach_and_every_feed_that_is_too_fast_is_named",
    ),
    "arm.feedback": (
        "observed with a sensor, presumed without, and it says so",
        "serial_arm::a_gripper_that_can_be_asked_makes_custody_observed "
        "serial_arm_battle::a_grip_that_misses_is_noticed_with_a_sensor_and_presumed_without",
    ),
    "arm.never-drops": (
        "the gripper holds on every way out",
        "serial_arm::a_part_in_the_gripper_is_not_dropped_by_stop_or_halt "
        "serial_arm::whoever_leaves_holds_the_arm_and_says_nothing_to_its_gripper "
        "hold_all::an_arm_is_told_to_stand_and_its_gripper_is_left_alone",
    ),
}

ALL: Final[Facts] = {**MARLIN, **GRBL, **GRBLHAL, **OTHERS, **SEEN, **COMMON, **ARMS}
