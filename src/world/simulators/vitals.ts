import { clamp, gaussian, wander } from "../random.ts";
import type { Random } from "../random.ts";

/** A heart that beats: intervals vary with breathing, with the pressure waves and from beat to beat. */
export interface VitalsState {
  /** Seconds since the start, at the last beat. */
  readonly at: number;
  /** Phases of breathing (about 0.25 Hz) and of the Mayer wave (about 0.1 Hz), radians. */
  readonly breath: number;
  readonly mayer: number;
  readonly mood: number;
  readonly saturation: number;
  readonly temperature: number;
}

export interface Patient {
  /** Heart rate at rest by day, 1/min; breaths per minute. */
  readonly heartRate: number;
  readonly breathRate: number;
  readonly saturation: number;
  /** Amplitude of breathing on the interval, ms (RMSSD is about as large). */
  readonly variability: number;
}

export interface Beat {
  /** Seconds since the beat before. */
  readonly interval: number;
  readonly heartRate: number;
  readonly breathRate: number;
  /** % */
  readonly saturation: number;
  /** mmHg */
  readonly systolic: number;
  readonly diastolic: number;
  readonly temperature: number;
}

export function startVitals(patient: Patient, random: Random): VitalsState {
  return {
    at: 0,
    breath: random() * 2 * Math.PI,
    mayer: random() * 2 * Math.PI,
    mood: 0,
    saturation: patient.saturation,
    temperature: 36.8,
  };
}

/** −1 deep in the night (4 h), +1 in the afternoon (16 h): about 8 % of the heart rate. */
export function circadian(hour: number): number {
  return -Math.cos(((hour - 4) * Math.PI) / 12);
}

/** The next beat; `hour` is the local hour of the day. */
export function nextBeat(
  state: VitalsState,
  patient: Patient,
  hour: number,
  random: Random,
): { readonly state: VitalsState; readonly beat: Beat } {
  const mood = wander(state.mood, 1, 90, 1, random);
  const rate = patient.heartRate * (1 + 0.08 * circadian(hour) + 0.025 * mood);
  const breathRate = clamp(patient.breathRate * (1 + 0.04 * mood), 6, 40);
  // Breathing in shortens the interval (respiratory sinus arrhythmia).
  const swing =
    -patient.variability * Math.sin(state.breath) -
    0.7 * patient.variability * Math.sin(state.mayer);
  const noise = 0.25 * patient.variability * gaussian(random);
  const interval = clamp(60 / rate + (swing + noise) / 1000, 0.3, 2);
  const saturation = clamp(
    patient.saturation + wander(state.saturation - patient.saturation, interval, 60, 0.6, random),
    70,
    100,
  );
  const temperature = 36.75 + 0.3 * circadian(hour - 1) + 0.03 * mood;
  const next: VitalsState = {
    at: state.at + interval,
    breath: (state.breath + (2 * Math.PI * interval * breathRate) / 60) % (2 * Math.PI),
    mayer: (state.mayer + 2 * Math.PI * interval * 0.1) % (2 * Math.PI),
    mood,
    saturation,
    temperature,
  };
  const systolic = 118 + 5 * circadian(hour) + 3 * Math.sin(state.mayer) + 2 * mood;
  const beat: Beat = {
    interval,
    heartRate: 60 / interval,
    breathRate,
    saturation,
    systolic,
    diastolic: systolic * 0.64,
    temperature,
  };
  return { state: next, beat };
}
